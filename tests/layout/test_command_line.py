import errno
import subprocess
import sys

import pytest
from click import ClickException
from typer.main import get_command

from robustsweep import __version__
from robustsweep.benchmark.sweep.sweep import SweepSummary
from robustsweep.cli import main
from robustsweep.cli.commands import app
from robustsweep.training.grid import Grid

COMMANDS = sorted(get_command(app).commands)
HEAVY = ("torch", "pandas", "numpy", "matplotlib", "sklearn")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in an empty folder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return call


def test_the_module_runs_and_help_loads_no_heavy_library():
    code = f"import sys, robustsweep.cli; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    assert "sweep" in subprocess.check_output([sys.executable, "-m", "robustsweep", "--help"], text=True)


def test_version_is_printed(run):
    assert run("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Usage" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["sweep"],
        ["sweep", "--checkpoint", "nowhere.pth,arch=resnet20,norm=imagenet"],
        ["sweep", "--checkpoint", "nowhere.pth", "--suite", "cifra-c"],
        ["sweep", "--checkpoint", "nowhere.pth", "--suite", "fog"],
        ["sweep", "--checkpoint", "nowhere.pth", "--limit", "0"],
        ["sweep", "--checkpoint", "nowhere.pth", "--data", "digit"],
        ["sweep", "--checkpoint", "nowhere.pth", "--device", "tpu"],
        ["sweep", "--checkpoint", "nowhere.pth", "--devices", "cpu,"],
        ["sweep", "--checkpoint", "nowhere.pth", "--devices", "cpu,cpu", "--device", "cpu"],
        ["sweep", "--shard", "4/3"],
        ["sweep", "no-such-plan.toml"],
        ["corrupt", "--data", "digits", "--suite", "cifar-c"],
        ["corrupt", "--data", "digits", "--out", "set"],
        ["corrupt", "--data", "digits", "--suite", "clean", "--out", "set"],
        ["corrupt", "--data", "digits", "--suite", "fog@3", "--out", "set"],
        ["corrupt", "--data", "digits", "--suite", "cifra-c", "--out", "set"],
        ["corrupt", "--data", "digits", "--suite", "cifar-c", "--out", "set", "--layout", "tree"],
        ["corrupt", "--data", "digits", "--suite", "cifar-c", "--out", "set", "--workers", "0"],
        ["corrupt", "--data", "digits", "--suite", "cifar-c", "--out", "set", "--device", "tpu"],
        ["train", "no-such-plan.toml"],
        ["train", "--method", "cutmi"],
        ["train", "--recipe", "digit"],
        ["train", "--recipe", "imagenet"],
        ["train", "--seed", "4-1"],
        ["train", "--epochs", "0"],
        ["train", "--keep", "worst"],
        ["train", "--shard", "4/3"],
        ["train", "--device", "tpu"],
        ["attribute"],
        ["attribute", "nowhere.pth,arch=resnet20,norm=imagenet"],
        ["attribute", "nowhere.pth", "--maps", "grad-cam"],
        ["attribute", "nowhere.pth", "--images", "0"],
        ["attribute", "nowhere.pth", "--target", "best"],
        ["search", "--data", "digits,split=test"],
        ["search", "--data", "nowhere"],
        ["search", "--operations", "Rotat"],
        ["search", "--keep", "300"],
        ["search", "--limit", "0"],
        ["search", "--limit", "11"],
        ["search", "--workers", "0"],
        ["search", "--recipe", "digit"],
        ["convert", "nowhere.pth,arch=resnet20,norm=imagenet", "out.safetensors"],
        ["list", "nonsense"],
        ["list", "attacks", "--gallery", "methods.png"],
        ["compare", "nowhere", "--method", "cutmix", "--against", "all"],
        ["compare", ".", "--method", "cutmix"],
        ["gate", "."],
        ["gate", "nowhere", "--write-baseline", "b.npz"],
        ["nonsense"],
    ],
)
def test_wrong_input_ends_with_2_and_a_sentence(run, arguments):
    code, _, err = run(*arguments)
    assert code == 2
    assert err.strip()
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["demo", "--seed", "x"], "--seed must be a whole number, got 'x'; see robustsweep demo --help."),
        (["attribute", "x", "--images", "0"], "--images must be greater than or equal to 1, got '0'; see"),
        (["list", "nonsense"], "NOUN: 'nonsense' is not one of 'corruptions', 'attacks',"),
        (["demos"], "No such command 'demos'. Did you mean 'demo'? See robustsweep --help."),
        (["sweep", "--batch-size", "0"], "--batch-size must be 1 or more, got 0."),
        (["train", "--keep", "worst"], "--keep must be one of last, best, got 'worst'."),
        (["report"], "Missing argument 'DIR'; see robustsweep report --help."),
        (
            ["list", "methods", "--gallery", "a.jpg"],
            "--gallery writes a PNG file; name one that ends in .png, got a.jpg.",
        ),
        (["train", "gone.toml"], "The plan gone.toml does not exist; give the path of a TOML file."),
    ],
)
def test_what_is_wrong_with_an_option_is_said_in_plain_words(run, arguments, sentence):
    code, _, err = run(*arguments)
    assert code == 2
    assert err.startswith(f"error: {sentence}")


def test_nothing_asked_for_shows_the_help(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out == run("--help")[1]


def test_a_list_is_never_cut_off(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert "…" not in run("list", "datasets")[1]


def test_nothing_to_report_ends_with_4(run, tmp_path):
    code, _, err = run("report", str(tmp_path))
    assert code == 4
    assert err.startswith("error: ")


def test_a_run_folder_that_is_a_file_ends_with_2(run, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, err = run(
        "sweep", "--checkpoint", "torchvision:resnet18,weights=random,classes=10,input_size=32",
        "--suite", "clean", "--limit", "10", "--out", "taken",
    )  # fmt: skip
    assert code == 2
    assert "taken" in err


def test_one_plan_trains_and_sweeps_what_was_trained_and_neither_happens_twice(run, tmp_path):
    (tmp_path / "plan.toml").write_text("""
        suites = ["clean"]
        limit = 10
        out = "both"
        [train]
        methods = ["cutmix", "baseline"]
        epochs = 1
        limit = 64
    """)
    code, _, err = run("sweep", "plan.toml")
    assert code == 2
    assert "Not all checkpoints of the plan are trained yet (missing: 2 of 2, such as" in err
    code, out, _ = run("train", "plan.toml")
    assert code == 0
    assert "2 checkpoints trained, 0 were there already" in out
    assert "next   robustsweep sweep plan.toml" in out
    assert "0 checkpoints trained, 2 were there already" in run("train", "plan.toml")[1]
    code, out, _ = run("sweep", "plan.toml")
    assert code == 0
    assert "2 cells computed" in out
    code, out, _ = run("report", "both", "--verbose")
    assert code == 0
    assert "Training cost" in out


@pytest.mark.parametrize(
    ("options", "next_line"),
    [
        ([], "sweep plan.toml"),
        (["--device", "cpu"], "sweep plan.toml"),
        (["--shard", "1/2"], "sweep --checkpoint both/checkpoints --data SPEC"),
        (["--method", "cutmix"], "sweep --checkpoint both/checkpoints --data SPEC"),
        (["--method", "mixup"], "sweep --checkpoint both/checkpoints --data SPEC"),
        (["--seed", "0-1"], "sweep --checkpoint both/checkpoints --data SPEC"),
        (["--out", "elsewhere"], "sweep --checkpoint elsewhere --data SPEC"),
    ],
)
def test_training_names_the_sweep_that_takes_what_it_made(run, tmp_path, monkeypatch, options, next_line):
    def made(grid: Grid, progress: object) -> int:
        for job in grid.jobs:
            job.path.parent.mkdir(parents=True, exist_ok=True)
            job.path.write_text("")
        return len(grid.jobs)

    monkeypatch.setattr("robustsweep.training.grid.train_grid", made)
    (tmp_path / "plan.toml").write_text('out = "both"\n[train]\nmethods = ["baseline", "cutmix"]\nlimit = 20\n')
    code, out, _ = run("train", "plan.toml", *options)
    assert code == 0
    assert out.splitlines()[-1] == f"next   robustsweep {next_line}"


def test_an_interrupted_training_ends_with_130(run, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("robustsweep.training.trainer.train_epoch", interrupted)
    code, _, err = run("train", "--limit", "64")
    assert code == 130
    assert "run the same command to continue" in err


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (SweepSummary(3, 5, (), 2.0), "3 cells computed in 2 s, 5 were stored already"),
        (SweepSummary(0, 8, (), 2.0, audited=4), "0 cells computed in 2 s, 8 were stored already, 4 audits made"),
        (SweepSummary(0, 8, (), 2.0), "nothing to compute: all 8 cells are stored already"),
    ],
)
def test_a_sweep_says_what_it_computed_and_audited(run, monkeypatch, summary, said):
    monkeypatch.setattr("robustsweep.api.plan_runs.run_sweep", lambda *_: summary)
    command = ["--checkpoint", "torchvision:resnet18,weights=random,classes=10,input_size=32", "--limit", "10"]
    code, out, _ = run("sweep", *command)
    assert code == 0
    assert f"done   {said}\n" in out


def test_corrupt_writes_a_folder_that_its_next_line_names_and_has_nothing_left_the_second_time(run, tmp_path):
    severities = [argument for severity in range(1, 6) for argument in ("--suite", f"contrast@{severity}")]
    command = ["corrupt", "--data", "digits", *severities, "--out", "set"]
    code, out, _ = run(*command)
    assert code == 0
    assert "5/5 conditions" in out
    assert "1 files written" in out
    code, out, _ = run(*command)
    assert code == 0
    assert "nothing is left to write: all 1 files are in set" in out
    spec = out.splitlines()[-1].partition("--data ")[2]
    assert spec == "cifar10-c:set,name=digits-c,clean=digits"
    code, out, _ = run(
        "sweep", "--checkpoint", "torchvision:resnet18,weights=random,classes=10,input_size=32",
        "--data", spec, "--limit", "10", "--dry-run",
    )  # fmt: skip
    assert code == 0
    assert "corruptions generated" in out
    assert "not the published ones" in out


@pytest.mark.parametrize("taken", ["set", "set/corrupt.json", "set/SHA256SUMS"])
def test_a_folder_that_corrupt_cannot_write_ends_with_2_and_names_it(run, tmp_path, taken):
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("") if taken == "set" else (tmp_path / taken).mkdir()
    severities = [argument for severity in range(1, 6) for argument in ("--suite", f"contrast@{severity}")]
    code, _, err = run("corrupt", "--data", "digits", *severities, "--limit", "10", "--out", "set")
    assert code == 2
    assert err.startswith("error: set")
    assert "Traceback" not in err


def test_an_interrupted_corrupt_ends_with_130(run, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("robustsweep.benchmark.plan.source.Source.generate", interrupted)
    code, _, err = run("corrupt", "--data", "digits", "--suite", "cifar-c", "--limit", "10", "--out", "set")
    assert code == 130
    assert "run the same command to continue" in err


def test_an_internal_error_ends_with_70_and_is_never_taken_for_a_regression(run, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("robustsweep.api.plan_runs.plan_of", broken)
    code, _, err = run("sweep", "--checkpoint", "any.pth")
    assert code == 70
    assert "planted" in err
    assert "Traceback" not in err


def test_an_interruption_ends_with_130(run, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("robustsweep.api.plan_runs.plan_of", interrupted)
    code, _, err = run("sweep", "--checkpoint", "any.pth")
    assert code == 130
    assert "run the same command to continue" in err


def test_attacks_are_listed_with_the_forms_and_losses_they_take(run):
    _, out, _ = run("list", "attacks")
    listed = " ".join(out.split())  # long descriptions are folded
    assert " pgd iterative; pgd10-linf@EPS, pgd10-l2@EPS; :loss=ce|margin|dlr bim " in listed
    assert " apgd-t iterative; apgd-t10-linf@EPS, apgd-t10-l2@EPS " in listed
    assert " torchattacks:NAME@EPS " in listed


ESCAPES = [
    RuntimeError("planted"),
    MemoryError(),
    AssertionError(),
    EOFError(),
    SystemExit(1),
    SystemExit("a library gave up"),
    ClickException("planted"),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("error", ESCAPES, ids=repr)
def test_whatever_escapes_from_a_command_never_ends_with_1(run, monkeypatch, command, error):
    def broken() -> None:
        raise error

    (info,) = [info for info in app.registered_commands if info.name == command]
    monkeypatch.setattr(info, "callback", broken)
    code, _, err = run(command)
    assert code == 70
    assert "internal error" in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_no_regression(run, monkeypatch):
    def broken() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    (info,) = [info for info in app.registered_commands if info.name == "list"]
    monkeypatch.setattr(info, "callback", broken)
    code, _, _ = run("list")
    assert code == 141


@pytest.mark.parametrize("noun", ["corruptions", "attacks", "methods", "suites", "architectures", "datasets"])
def test_every_noun_is_listed(run, noun):
    code, out, _ = run("list", noun)
    assert code == 0
    assert len(out.splitlines()) >= 3
