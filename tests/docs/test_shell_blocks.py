"""Shell blocks of the README and the documentation run, page by page: small, and on tiny files of the same names."""

import sys
from collections.abc import Callable
from pathlib import Path

import documented_files as files
import pytest
from documented_blocks import PAGES, blocks, command_lines, name_of

from robustsweep.cli import main

# Reasons why a command is not run here.
NOT_RUN = {
    "make": "it sets up an environment; what it then runs are the tests, or the demo",
    "pip": "it changes the environment",
    "demo": "it takes minutes; tests/training/test_demo_command.py runs it small",
}
PAGES_NOT_RUN = {"docs/how-to/extend.md": "its commands need the example installed; test_extension_example.py uses all"}

# What is there before the first command of a page.
NEEDED: dict[str, dict[str, files.Maker]] = {
    "README.md": {
        "data/cifar-10-batches-py": files.cifar10,
        "runs/accepted": files.run,
        "resnet20.th": files.state_dict("resnet20", 2),
        "net.py": files.network_code,
        "mine.pth": files.state_dict_of_code,
        "photos/test": files.wnid_folders,
    },
    "docs/how-to/ci-gate.md": {"runs/accepted": files.run, "runs/candidate": files.run},
    "docs/how-to/compare.md": {"runs/mine": files.run},
    "docs/how-to/many-machines.md": {"plan.toml": files.plan_of_trained},
    "docs/how-to/official-files.md": {
        "data/cifar-10-batches-py": files.cifar10,
        "data/cifar-100-python": files.cifar100,
        "data/CIFAR-100-C": files.cifar100_c,
        "net.pth": files.state_dict("wrn-40-2", 100),
        "holiday": files.photos,
    },
    "docs/how-to/paper-table.md": {"runs/mine": files.run},
    "docs/how-to/publish.md": {"runs/mine": files.run_of_resnet20},
    "docs/how-to/report.md": {
        "plan.toml": files.plan_of_trained,
        **{f"runs/{name}": files.run for name in ("mine", "one", "two")},
    },
    "docs/how-to/search-a-policy.md": {
        "data/cifar-10-batches-py": files.cifar10,
        "runs/search/policy.json": files.found_policy,
        "released.json": files.released_policies,
    },
    "docs/how-to/train-a-grid.md": {"data/cifar-10-batches-py": files.cifar10},
    "docs/how-to/your-checkpoint.md": {
        "data/cifar-10-batches-py": files.cifar10,
        "resnet20.th": files.state_dict("resnet20", 10),
    },
    "docs/reference/data.md": {"imagenet-r.tar": files.wnid_archive, "val": files.wnid_folders},
    "docs/understand/attacks.md": {
        "trades_mnist.py": files.trades_code,
        "mnist_smallcnn_trades.pth": files.trades_state_dict,
        "mnist-test.npz": files.grey_digits,
    },
    "docs/understand/attribution.md": {
        "data/cifar-10-batches-py": files.cifar10,
        "net.safetensors": files.trained,
        "other.safetensors": files.trained,
    },
}
# Options that follow those of the page: the last of two counts.
SMALL = {
    "train": "--epochs 1 --limit 20 --arch resnet8-w8 --seed 0",
    "sweep": "--limit 5",
    "corrupt": "--limit 5",
    "search": "--limit 60 --arch resnet8-w8 --epochs 1 --splits 2 --trials 1 --keep 1 --workers 1 --out runs/other",
    "attribute": "--images 1 --maps cam --window-maps none",
}
# A plan takes the same as keys, for its sweep finds by them what was trained.
SMALL_PLAN = "[train]\nepochs = 1\nlimit = 20\narch = 'resnet8-w8'\n#"
INSTEAD = {
    "cifar-c": "fog",
    "adversarial": "fgsm-linf@1/255",
    "torchvision:resnet50": "torchvision:squeezenet1_1,weights=random",  # nothing is fetched
    "$SLURM_ARRAY_TASK_ID/8": "1/8",
    "cuda:0,cuda:1": "cpu",
    "ray": "local",  # its own tests run a cluster
}
Run = Callable[..., None]


def small(words: list[str]) -> list[str]:
    command, *arguments = words
    has_plan = command == "train" and any(word.endswith(".toml") for word in arguments)
    is_of_photos = any(word.startswith("photos:") for word in arguments)
    more = "" if has_plan or is_of_photos else SMALL.get(command, "")
    return [command, *(INSTEAD.get(word, word.replace("/data/", "data/")) for word in arguments), *more.split()]


def small_plan(text: str) -> str:
    for word, other in {**INSTEAD, "/data/": "data/", "[train]": SMALL_PLAN, '"0-2"': '"0"'}.items():
        text = text.replace(word, other)
    return text


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["robustsweep", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, f"{' '.join(words)}: {capsys.readouterr().err}"

    return call


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of three methods, trained and swept once for all pages that need one."""
    folder = tmp_path_factory.mktemp("shared")
    methods = ("baseline", "cutmix", "smoothmix_c")
    data = f"cifar10:{folder / 'cifar'}"
    files.cifar10(folder / "cifar", folder)
    commands = [
        ["train", *(f"--method={name}" for name in methods), "--data", data, "--out", f"{folder / 'nets'}"],
        ["sweep", f"--checkpoint={folder / 'nets'}", "--data", data, "--suite=clean", "--suite=fog"],
    ]
    for command in commands:
        with pytest.MonkeyPatch.context() as patch:
            out = ["--out", f"{folder / 'run'}"] if command[0] == "sweep" else []
            patch.setattr(sys, "argv", ["robustsweep", *command, *out, "--device=cpu", *SMALL[command[0]].split()])
            with pytest.raises(SystemExit, match="0"):
                main()
    return folder


RUN = [page for page in PAGES if command_lines(page) and name_of(page) not in PAGES_NOT_RUN]


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_commands_of_a_page_run(
    page: Path, run: Run, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, write in NEEDED.get(name_of(page), {}).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write(Path(path), shared)
    if plans := [text for text in blocks(page, "toml") if "[train]" in text]:
        Path("plan.toml").write_text(small_plan(plans[0]))
    for program, *words in command_lines(page):
        if program not in NOT_RUN and words[0] not in NOT_RUN:
            run(*small(words))


def test_what_is_listed_here_is_on_a_page() -> None:
    assert {*NEEDED, *PAGES_NOT_RUN} <= {name_of(page) for page in PAGES if command_lines(page)}
    first_words = {word for page in PAGES for program, *words in command_lines(page) for word in (program, *words[:1])}
    assert NOT_RUN.keys() <= first_words
