"""``robustsweep search``: find a policy of Fast AutoAugment on training images."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robustsweep.training.search.request import Search
    from robustsweep.training.search.run import Found


def search(
    data: Annotated[
        str | None, typer.Option(help="Data spec, see `list datasets`; its split train is taken. Default: digits.")
    ] = None,
    arch: Annotated[
        str | None, typer.Option(help="Architecture, see `list architectures`. Default: the recipe's.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="digits, cifar-fast, cifar, imagenet, or FILE.toml. Default: digits.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs in place of the recipe's; warm-up and drops keep their shares.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Take N images, stratified by class.")] = None,
    splits: Annotated[
        int | None, typer.Option(help="Networks, each trained on its own share of the images. Default: 5.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Policies that are tried on each network. Default: 200.")] = None,
    keep: Annotated[
        int | None, typer.Option(help="Best trials of each network that enter the policy. Default: 10.")
    ] = None,
    operations: Annotated[
        str | None,
        typer.Option(
            help="Those that a policy may hold, separated by commas: ShearX, ShearY, TranslateX, TranslateY, Rotate, "
            "AutoContrast, Invert, Equalize, Solarize, Posterize, Contrast, Color, Brightness, Sharpness, Cutout. "
            "Default: all."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of splits, networks, trials and draws. Default: 0.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. Default: auto.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the work, at most one per network. Default: 1.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Folder of networks, trials and policy. Default: runs/search."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be computed, and stop.")] = False,
) -> None:
    """Search a policy for the method fast_autoaugment, and write it with its origin to OUT/policy.json.

    Networks are trained on parts of the training images; policies under which they still recognise other training
    images are kept. Run the same command again to continue: finished trials are never repeated. Needs optuna.
    """
    from rich.console import Console

    from robustsweep.cli.progress import TerminalProgress
    from robustsweep.cli.terminal import say
    from robustsweep.plan_file import with_options
    from robustsweep.training.search.request import SearchRequest, plan_search
    from robustsweep.training.search.run import run_search

    options = {
        "data": data,
        "arch": arch,
        "recipe": recipe,
        "epochs": epochs,
        "limit": limit,
        "splits": splits,
        "trials": trials,
        "keep": keep,
        "operations": None if operations is None else [name.strip() for name in operations.split(",")],
        "seed": seed,
        "device": device,
        "workers": workers,
        "out": out,
    }
    request = with_options(SearchRequest(), options)
    wanted = plan_search(request)
    console = Console()
    for line in _describe(wanted):
        say(line, console)
    if dry_run:
        return
    with TerminalProgress(console, "policies") as progress:
        found = run_search(wanted, progress)
    for line in _told(found):
        say(line, console)
    say(f"next   robustsweep train --method fast_autoaugment,policy={found.path} --data {request.data}", console)


def _describe(wanted: "Search") -> list[str]:
    """Say what is wanted."""
    from robustsweep.training.search.request import DRAWS

    data, recipe, request = wanted.data, wanted.recipe, wanted.request
    height, width = data.size
    split = wanted.splits[0]
    return [
        f"data   {data.name}: {len(data)} images, {width}x{height}, {data.classes} classes, {len(wanted.held_out)} of "
        "them held out for the judgement",
        f"train  {len(wanted.splits)} x {wanted.architecture} with recipe {recipe.name}: {recipe.epochs} epochs on "
        f"{len(split.trained)} images each",
        f"plan   {len(wanted.splits)} x {request.trials} trials on {len(split.searched)} images, each drawn {DRAWS} "
        f"times; {request.keep} of each {request.trials} are kept",
        *(f"note   {note}" for note in data.notes),
    ]


def _told(found: "Found") -> list[str]:
    """Say what was found and what it is worth."""
    provenance = found.policy.provenance
    rewards, seconds = provenance["rewards_held_out"], provenance["seconds"]

    def percent(name: str, unit: str, sign: str = "") -> str:
        value, low, high = (100 * rewards[name][key] for key in ("value", "low", "high"))
        return f"{name} {value:{sign}.1f}{unit} ({low:{sign}.1f} to {high:{sign}.1f})"

    n = len(found.policy.sub_policies)
    return [
        f"done   {found.n_tried} policies tried; all trials took {seconds['trials']:.0f} s, the networks "
        f"{seconds['training']:.0f} s",
        f"reward on {provenance['held_out']} images held out: "
        + ", ".join(percent(name, "%") for name in ("identity", "random", "found")),
        "reward " + ", ".join(percent(f"found minus {name}", " pp", "+") for name in ("identity", "random")),
        f"wrote  {found.path}: {n} sub-policies, hash {found.policy.hash}",
    ]
