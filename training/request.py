"""Requests for a grid of training runs, from the [train] table of a TOML plan, the command line, or both."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from robustsweep.augmentations import METHODS, Method, build_method, parameters_of
from robustsweep.benchmark.spec import Spec, parse_spec
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.plan_file import merged, read_plan
from robustsweep.training.cards import Keep
from robustsweep.training.job import BASELINE, Job
from robustsweep.untrusted.json import strict_json
from robustsweep.values import Many, Workers, check_plain

_SEEDS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_MOST_SEEDS = 1000
_LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """A grid of training runs as it is asked for.

    Attributes:
        methods: ``NAME[,parameter=value,...]`` with values as JSON has them, or ``all``; [train] takes tables too, in
            which the parameters stand beside ``method``.
        data: Data spec; its split is ``train`` unless it says another.
        arch: Architecture spec; None: the recipe's.
        recipe: A recipe's name, or a TOML file.
        seed: Training seeds, ``A`` or ``A-B``.
        epochs: In place of the recipe's; warm-up and drops keep their shares of the training.
        limit: Number of training images, stratified by class; None: all.
        shard: ``I/N``; None: everything.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        engine: ``"local"``, or ``"ray"``: each training run is a task of a Ray cluster.
        ray_address: As for a sweep.
        gpus_per_task: As for a sweep.
        workers: Threads that decode image files.
        keep: See ``Keep``.
        out: Folder of the checkpoints.
    """

    methods: tuple[str, ...] = (BASELINE,)
    data: str = "digits"
    arch: str | None = None
    recipe: str = "digits"
    seed: str = "0"
    epochs: Annotated[int, range(1, 1_000_001)] | None = None
    limit: Many | None = None
    shard: str | None = None
    device: str = "auto"
    engine: Literal["local", "ray"] = "local"
    ray_address: str = "auto"
    gpus_per_task: float | None = None
    workers: Workers = 4
    keep: Keep = "last"
    out: str = "runs/train"


def read_train_request(path: Path) -> TrainRequest | None:
    """Read the [train] table of a TOML plan; None if the plan has none.

    ``data`` is the plan's own if the table names none, and ``out`` the folder ``checkpoints`` in the plan's ``out``.

    Raises:
        UsageError: If it is not TOML, or a key is unknown or of the wrong type.
    """
    return train_request_of(read_plan(path), f"The plan {path}")


def train_request_of(plan: Mapping[str, Any], where: str) -> TrainRequest | None:
    """Read the [train] table of the content of a plan, as ``read_train_request`` does.

    Args:
        plan: What TOML gives, or a dict that a user wrote.
        where: What it is, for errors, such as ``"The plan FILE"``.

    Raises:
        UsageError: If a key is unknown or of the wrong type.
    """
    if "train" not in plan:
        return None
    if not isinstance(plan["train"], dict):
        raise UsageError(f"{where}: train must be a table, [train], got {plan['train']!r}.")
    table = dict(plan["train"])
    if isinstance(plan.get("data"), str):
        table.setdefault("data", plan["data"])
    if isinstance(plan.get("out"), str):
        table.setdefault("out", str(Path(plan["out"]) / "checkpoints"))
    if type(table.get("seed")) is int:
        table["seed"] = str(table["seed"])
    if isinstance(methods := table.get("methods"), list):
        if not methods:
            raise UsageError(f"{where}, [train]: methods must be a list that is not empty.")
        table["methods"] = [_as_text(one, f"{where}, [train]") if isinstance(one, dict) else one for one in methods]
    return merged(TrainRequest(), table, f"{where}, [train]")


def _as_text(table: dict[str, Any], where: str) -> str:
    """Write a table that names a method as the command line would."""
    name = table.get("method")
    if not isinstance(name, str):
        raise UsageError(f"{where}: a table in methods needs method, a name, got {table!r}.")
    try:
        return ",".join([name, *(f"{key}={json.dumps(value)}" for key, value in table.items() if key != "method")])
    except TypeError as error:
        raise UsageError(f"{where}: method {name!r} has a parameter of the wrong type ({error}).") from error


def seeds_of(text: str) -> range:
    """Read ``A`` or ``A-B``, both ends included.

    Raises:
        UsageError: If it is neither, or more than 1000 seeds.
    """
    match = _SEEDS.fullmatch(text.strip())
    if not match or not text.isascii():
        raise UsageError(f"Seeds are A or A-B, such as 0-4, got {text!r}.")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < first + _MOST_SEEDS:
        raise UsageError(f"Seeds A-B need A <= B and are at most {_MOST_SEEDS}, got {text!r}.")
    return range(first, last + 1)


def methods_of(texts: tuple[str, ...]) -> dict[str, Method]:
    """Build the methods by the names that their files get, the baseline first.

    Raises:
        UsageError: If a name or a parameter is unknown, or a value is out of its range.
    """
    wanted = [name for text in texts for name in (METHODS if text.strip() == "all" else (text,))]
    methods: dict[str, Method] = {}
    for text in wanted:
        name = text.partition(",")[0].strip()
        keys = parameters_of(name)
        options = parse_spec(text, noun="method", keys=keys, nested=True).options
        values = {key: _value(value, f"{name}: {key}") for key, value in options.items()}
        methods[_label(name, options)] = build_method(name, **values)
    return dict(sorted(methods.items(), key=lambda item: item[1].name != BASELINE))


def _label(name: str, options: dict[str, str]) -> str:
    """Name a method's files by its parameters; many of them are cut short, with a hash of them all."""
    text = re.sub(r'[][{}"\s]', "", "-".join([name, *(f"{key}-{value}" for key, value in options.items())]))
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", text)
    if len(label) <= _LONGEST_LABEL:
        return label
    return f"{label[:_LONGEST_LABEL]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _value(text: str, what: str) -> Any:
    """Read a value as JSON does; anything else is a string."""
    try:
        value = strict_json(text)
    except ValueError:
        value = text
    except RecursionError:
        raise UsageError(f"{what} is nested too deeply; write it flatter.") from None
    check_plain(value, what)
    return value


def jobs_of(request: TrainRequest) -> list[Job]:
    """List the training runs, seed by seed, the baseline first; a shard is not taken out yet.

    Raises:
        UsageError: If methods or seeds cannot be understood.
    """
    epochs = f"-epochs{request.epochs}" if request.epochs else ""
    held_out = "-held-out" if request.keep == "best" else ""
    folder = Path(request.out).expanduser()
    return [
        Job(method, seed, folder / f"{label}{epochs}{held_out}-seed{seed}.safetensors")
        for seed in seeds_of(request.seed)
        for label, method in methods_of(request.methods).items()
    ]


def checkpoint_files(request: TrainRequest) -> list[Path]:
    """List the checkpoints that the training runs of all shards leave."""
    return [path for job in jobs_of(request) for path in job.files(request.keep)]


def trained_specs(request: TrainRequest | None, remedy: str) -> tuple[Spec, ...]:
    """Name the checkpoints of a plan for a sweep; none if it has no [train] table.

    Args:
        request: The plan's table.
        remedy: What trains them, for the error, such as ``"robustsweep train PLAN"``.

    Raises:
        CheckpointError: If one is not there.
    """
    files = checkpoint_files(request) if request else []
    if lacking := [path for path in files if not path.is_file()]:
        raise CheckpointError(
            f"Not all checkpoints of the plan are trained yet (missing: {len(lacking)} of {len(files)}, such as "
            f"{lacking[0]}); run {remedy} first."
        )
    # A path is a spec as it is, whatever commas it holds.
    return tuple(Spec(str(path), str(path), {}) for path in files)
