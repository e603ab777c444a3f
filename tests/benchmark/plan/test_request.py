from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_sweeps import official_set, tiny_data, tiny_images

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.plan import request
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.request import SweepRequest, plan_of, read_request
from robustsweep.benchmark.spec import Spec
from robustsweep.errors import RobustsweepError, UsageError
from robustsweep.plan_file import with_options

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(text: str) -> Path:
        path = tmp_path / "plan.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "net.pth"
    torch.save(build_architecture("resnet8", 5).state_dict(), path)
    return path


def open_with(monkeypatch: pytest.MonkeyPatch, data: Dataset | OfficialSet) -> None:
    def opened(spec: str, *, workers: int) -> Dataset | OfficialSet:
        assert (spec, workers) == ("tiles", 3)
        return data

    monkeypatch.setattr(request, "open_data", opened)


def asked(checkpoint: Path, **values: Any) -> SweepRequest:
    return SweepRequest(checkpoints=(f"{checkpoint},arch=resnet8,norm=half",), data="tiles", workers=3, **values)


WHOLE = """
checkpoints = ["a.pth,arch=resnet20,norm=imagenet", "b.safetensors"]
data = "cifar10:folder"
suites = ["clean", "fog@3"]
out = "runs/x"
limit = 500
seed = -1
device = "cuda:1"
devices = ["cpu", "cpu"]
engine = "ray"
ray_address = "head:6379"
gpus_per_task = 1
workers = 2
batch_size = 64
shard = "2/3"
models_at_once = 1
final_jpeg = false
audit = false
live = true
"""


def test_a_plan_says_everything_that_a_request_holds(written: Written) -> None:
    found = read_request(written(WHOLE))
    assert found == SweepRequest(
        checkpoints=("a.pth,arch=resnet20,norm=imagenet", "b.safetensors"),
        data="cifar10:folder",
        suites=("clean", "fog@3"),
        out="runs/x",
        limit=500,
        seed=-1,
        device="cuda:1",
        devices=("cpu", "cpu"),
        engine="ray",
        ray_address="head:6379",
        gpus_per_task=1.0,
        workers=2,
        batch_size=64,
        shard="2/3",
        models_at_once=1,
        final_jpeg=False,
        audit=False,
        live=True,
    )
    assert all(getattr(found, field.name) != field.default for field in fields(SweepRequest))


def test_an_empty_plan_leaves_every_default(written: Written) -> None:
    assert read_request(written("")) == SweepRequest()


def test_checkpoints_are_tables_with_the_keys_of_a_spec(written: Written) -> None:
    found = read_request(
        written("""
        [[checkpoints]]
        file = "my, net.pth"
        arch = "resnet20"
        norm = [0.5, 0.5, 0.25, 1, 2, 0.125]
        seed = 3

        [[checkpoints]]
        file = "b.safetensors"
        """)
    )
    expected = {"arch": "resnet20", "norm": "0.5 0.5 0.25 1 2 0.125", "seed": "3"}
    assert found.checkpoints == (
        Spec("my, net.pth", "my, net.pth", expected),
        Spec("b.safetensors", "b.safetensors", {}),
    )


def test_six_numbers_of_a_plan_become_the_normalisation(
    written: Written, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_with(monkeypatch, tiny_data(6))
    plan = written(f"""
        data = "tiles"
        workers = 3
        [[checkpoints]]
        file = '{checkpoint}'
        arch = "resnet8"
        norm = [0.5, 0.25, 0.125, 1, 2, 4]
    """)
    (found,) = plan_of(read_request(plan)).checkpoints
    assert found.card.normalisation.mean == (0.5, 0.25, 0.125)
    assert found.card.normalisation.std == (1, 2, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limits = 5", r"Unknown key of the plan .*'limits'; did you mean 'limit'\?"),
        ("[sweep]\nlimit = 5", "Unknown key of the plan .*'sweep'"),
        ("limit = '5'", "limit must be a whole number, got '5'"),
        ("limit = 5.0", "limit must be a whole number, got 5.0"),
        ("limit = true", "limit must be a whole number, got True"),
        ("limit = 0", "limit must be 1 or more, got 0"),
        ("workers = -1", "workers must be 1 or more, got -1"),
        ("batch_size = 0", "batch_size must be 1 or more"),
        ("models_at_once = 0", "models_at_once must be 1 or more"),
        ("seed = 'zero'", "seed must be a whole number"),
        ("final_jpeg = 1", "final_jpeg must be true or false, got 1"),
        ("data = 5", "data must be a string"),
        ("out = ['a']", "out must be a string"),
        ("suites = 'clean'", "suites must be a list of strings, got 'clean'"),
        ("suites = ['clean', 3]", r"suites\[1\] must be a string, got 3"),
        ("checkpoints = 'a.pth'", r"checkpoints must be a list of \[\[checkpoints\]\] tables or of specs"),
        ("[checkpoints]\nfile = 'a.pth'", "checkpoints must be a list"),
        ("checkpoints = [3]", r"each of \[\[checkpoints\]\] needs file"),
        ("[[checkpoints]]\narch = 'resnet20'", r"each of \[\[checkpoints\]\] needs file"),
        ("[[checkpoints]]\nfile = ''", r"each of \[\[checkpoints\]\] needs file"),
        ("[[checkpoints]]\nfile = 3", r"each of \[\[checkpoints\]\] needs file"),
        (
            "[[checkpoints]]\nfile = 'a'\nnorms = 'half'",
            r"Unknown key of \[\[checkpoints\]\] 'norms'; did you mean 'norm'",
        ),
        ("[[checkpoints]]\nfile = 'a'\nnorm = {mean = 1}", "norm must be a string, a number or a list of numbers"),
        ("[[checkpoints]]\nfile = 'a'\nclasses = true", "classes must be a string, a number or a list of numbers"),
        (
            "[[checkpoints]]\nfile = 'a'\nname = ''",
            "name must be a string.* that is not empty",
        ),
        ("[[checkpoints]]\nfile = 'a'\nnorm = ['a', 'b']", "norm must be a string, a number or a list of numbers"),
        ("limit = ", "is not TOML"),
        ("limit = 5\nlimit = 6", "is not TOML"),
    ],
)
def test_a_plan_that_cannot_be_understood_is_refused(written: Written, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_request(written(text))


def test_a_plan_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"plan .*gone\.toml does not exist"):
        read_request(tmp_path / "gone.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_request(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"data = 'caf\xe9'")
    with pytest.raises(UsageError, match="is not TOML"):
        read_request(tmp_path / "latin.toml")


def test_the_command_line_replaces_what_it_gives_and_nothing_else(written: Written) -> None:
    plan = read_request(written(WHOLE))
    options = {"limit": 20, "suites": ["smoke"], "final_jpeg": True, "seed": None, "checkpoints": None, "data": None}
    found = with_options(plan, options)
    assert (found.limit, found.suites, found.final_jpeg) == (20, ("smoke",), True)
    assert (found.seed, found.checkpoints, found.data, found.shard) == (-1, plan.checkpoints, "cifar10:folder", "2/3")
    assert with_options(plan, {"seed": 0}).seed == 0


def test_an_option_out_of_range_is_named_as_it_is_written() -> None:
    with pytest.raises(UsageError, match="^--batch-size must be 1 or more, got -2"):
        with_options(SweepRequest(), {"batch_size": -2})


def test_no_checkpoint_is_refused_before_the_data_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "open_data", None)
    with pytest.raises(UsageError, match="Name at least one checkpoint"):
        plan_of(SweepRequest(data="tiles"))


def test_clean_data_are_swept_with_the_smoke_suite_unless_told(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_with(monkeypatch, tiny_data(6))
    names = [condition.name for condition in plan_of(asked(checkpoint)).conditions]
    assert names == ["clean", "gaussian_noise@3", "fog@3", "jpeg_compression@3", "fgsm-linf@1/255"]
    told = plan_of(asked(checkpoint, suites=("fog@1",))).conditions
    assert told == (Corrupted("fog", 1, "cifar"),)


def test_an_official_set_is_swept_with_its_own_corruptions_unless_told(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_with(monkeypatch, official_set(tiny_data(6), clean=True, corruptions=("snow", "fog")))
    names = [condition.name for condition in plan_of(asked(checkpoint)).conditions]
    assert names == [f"{name}@{severity}" for name in ("snow", "fog") for severity in range(1, 6)]


@pytest.mark.parametrize(("suite", "table", "side"), [("imagenet-c", "imagenet", 224), ("tiny-imagenet-c", "tiny", 64)])
def test_the_final_jpeg_can_be_left_out(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, suite: str, table: str, side: int
) -> None:
    labels = np.zeros(2, np.int64)
    open_with(monkeypatch, from_array("large", "test", tiny_images(2, side=side), labels, 5))
    for final_jpeg, quality in ((True, 85), (False, None)):
        plan = plan_of(asked(checkpoint, suites=(suite, "clean"), final_jpeg=final_jpeg))
        corrupted = [condition for condition in plan.conditions if isinstance(condition, Corrupted)]
        assert len(corrupted) == 75
        assert {(c.table, c.jpeg_quality) for c in corrupted} == {(table, quality)}


def test_limit_and_seed_reach_the_choice_of_images(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_with(monkeypatch, tiny_data(60))
    source = plan_of(asked(checkpoint, limit=20, seed=3)).source
    assert (len(source.positions), source.limit, source.seed) == (20, 20, 3)


def test_what_cannot_be_had_is_refused_in_a_sentence(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_with(monkeypatch, tiny_data(6))
    for suites in (("smokes",), ("fog@6",), ("fgsm-linf@8",), ("nothing@3",)):
        with pytest.raises(RobustsweepError) as caught:
            plan_of(asked(checkpoint, suites=suites))
        assert str(caught.value).endswith((".", ")", "?"))
