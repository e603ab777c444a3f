"""What a user asks of a grid of training runs, from strings, a plan and the command line."""

from pathlib import Path

import pytest

from robustsweep.augmentations import METHODS
from robustsweep.augmentations.choice import Choice, RandoMix
from robustsweep.augmentations.erasing.dropblock import DropBlock
from robustsweep.augmentations.mixes.cutmix import CutMix
from robustsweep.augmentations.policies.autoaugment import AutoAugment
from robustsweep.benchmark.plan.request import SweepRequest, read_request
from robustsweep.errors import UsageError
from robustsweep.plan_file import with_options
from robustsweep.training.request import (
    TrainRequest,
    jobs_of,
    methods_of,
    read_train_request,
    seeds_of,
)


def test_methods_have_parameters_and_files_of_their_own_and_the_baseline_is_first() -> None:
    found = methods_of(("cutmix,alpha=0.5", "baseline", "cutmix"))
    assert list(found) == ["baseline", "cutmix-alpha-0.5", "cutmix"]
    assert (found["cutmix-alpha-0.5"], found["cutmix"]) == (CutMix(alpha=0.5), CutMix())
    assert list(methods_of(("all",))) == sorted(METHODS, key=lambda name: name != "baseline")
    assert [job.path.name for job in jobs_of(TrainRequest(methods=("mixup",), seed="7", keep="best"))] == [
        "mixup-held-out-seed7.safetensors"
    ]


def test_lists_and_tables_are_parameters_too_on_the_command_line_and_in_a_plan(tmp_path: Path) -> None:
    texts = (
        'choice,operations=[{"method": "mixup", "alpha": 2}, {"method": "cutmix"}],per_sample=true',
        "randommix,weights=[1,2,3,4]",
        'dropblock, layers = ["stage1", "stage2"], keep=0.5',
        'autoaugment,policy="svhn"',
    )
    wanted = [
        Choice([{"method": "mixup", "alpha": 2.0}, {"method": "cutmix"}], per_sample=True),
        RandoMix(weights=(1.0, 2.0, 3.0, 4.0)),
        DropBlock(layers=("stage1", "stage2"), keep=0.5),
        AutoAugment(policy="svhn"),
    ]
    found = methods_of(texts)
    assert list(found.values()) == wanted
    assert list(found) == [
        "choice-operations-method-mixup-alpha-2-method-cutmix-per_sample-true",
        "randommix-weights-1-2-3-4",
        "dropblock-layers-stage1-stage2-keep-0.5",
        "autoaugment-policy-svhn",
    ]
    path = tmp_path / "plan.toml"
    path.write_text(
        """
        [train]
        methods = [
            {method = "choice", operations = [{method = "mixup", alpha = 2}, {method = "cutmix"}], per_sample = true},
            {method = "randommix", weights = [1, 2, 3, 4]},
            {method = "dropblock", layers = ["stage1", "stage2"], keep = 0.5},
            {method = "autoaugment", policy = "svhn"},
        ]
        """
    )
    request = read_train_request(path)
    assert request is not None
    assert methods_of(request.methods) == found


def test_files_of_long_parameters_have_short_names_of_their_own() -> None:
    operations = ",".join('{"method":"cutmix"}' for _ in range(20))
    found = methods_of(tuple(f"choice,operations=[{operations},{last}]" for last in ('{"method":"mixup"}', operations)))
    assert len(found) == 2
    assert max(map(len, found)) < 120


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "-1", "0-1000", "1.5", "٣"])
def test_seeds_that_cannot_be_understood_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Seeds"):
        seeds_of(text)
    assert list(seeds_of("2-4")) == [2, 3, 4]


PLAN = """
data = "digits"
out = "runs/x"
suites = ["clean"]

[train]
methods = ["baseline", "cutmix"]
arch = "resnet20"
recipe = "digits"
seed = 3
epochs = 2
limit = 50
shard = "1/2"
device = "cpu"
workers = 2
keep = "best"
"""


def test_one_plan_serves_training_and_sweep(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    request = read_train_request(path)
    assert request == TrainRequest(
        methods=("baseline", "cutmix"),
        data="digits",
        arch="resnet20",
        recipe="digits",
        seed="3",
        epochs=2,
        limit=50,
        shard="1/2",
        device="cpu",
        workers=2,
        keep="best",
        out="runs/x/checkpoints",
    )
    assert read_request(path) == SweepRequest(data="digits", out="runs/x", suites=("clean",))
    path.write_text("data = 'digits'")
    assert read_train_request(path) is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("train = 3", "train must be a table"),
        ("[train]\nmethod = ['cutmix']", r"Unknown key of the plan .*'method'; did you mean 'methods'\?"),
        ("[train]\nmethods = 'cutmix'", "methods must be a list of strings, got 'cutmix'"),
        ("[train]\nmethods = []", "methods must be a list that is not empty"),
        ("[train]\nmethods = [{alpha = 1.0}]", "a table in methods needs method, a name"),
        ("[train]\nmethods = [{method = 'cutmix', alpha = 2020-01-01}]", "'cutmix' has a parameter of the wrong type"),
        ("[train]\nepochs = 0", "epochs must be 1 or more, got 0"),
        ("[train]\nepochs = '3'", "epochs must be a whole number, got '3'"),
        ("[train]\nseed = 1.5", "seed must be a string, got 1.5"),
        ("[train]\nkeep = 'worst'", "keep must be one of last, best, got 'worst'"),
        ("[train\n", "is not TOML"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(tmp_path: Path, table: str, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(table)
    with pytest.raises(UsageError, match=message):
        read_train_request(path)


def test_the_command_line_replaces_what_it_gives() -> None:
    found = with_options(TrainRequest(seed="1"), {"epochs": 3, "seed": None})
    assert (found.epochs, found.seed) == (3, "1")
