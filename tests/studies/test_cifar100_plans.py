from collections import Counter
from pathlib import Path

import pytest
from planned_runs import read_study

from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.errors import UsageError
from robustsweep.plan_file import read_plan
from robustsweep.results.compare.request import compare_request

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("studies/cifar100")
PRIMARY = ["baseline", "cutmix", "smoothmix_s", "smoothmix_c"]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(params=["small", "few", "full"])
def size(request) -> str:
    return request.param


def test_a_plan_names_what_there_is(size):
    study = read_study(FOLDER, size)  # builds every method with its parameters
    measured = {
        (condition.name, sweep.limit) for sweep in study.sweeps.values() for condition in conditions_of(sweep.suites)
    }
    assert {("clean", None), ("fog@3", None)} <= measured
    assert study.out == Path(f"studies/cifar100/runs/{size}")
    asked = compare_request([study.plan], None, (), (), None)
    assert {asked.method, *asked.against} <= {run.method.name for run in study.runs}
    assert asked.metrics == ("mean_corruption_error", "mean_corruption_error_cifar_c_bar")


@pytest.mark.parametrize(("size", "limit"), [("small", 2000), ("full", None)])
def test_attacks_and_windows_are_measured_on_images_of_their_own(size, limit):
    sweeps = read_study(FOLDER, size).sweeps.values()
    limits = {sweep.limit for sweep in sweeps if {"window", "adversarial"} <= set(sweep.suites)}
    assert limits == {limit}


def test_the_stages_take_every_method_of_the_plan_and_no_run_twice(size):
    study = read_study(FOLDER, size)
    assert {run.text for run in study.runs} == set(study.training.methods)
    assert len({run.checkpoint for run in study.runs}) == len(study.runs)


def test_seed_0_of_the_primary_methods_comes_first(size):
    first = read_study(FOLDER, size).runs[: len(PRIMARY)]
    assert [(run.method.name, run.seed) for run in first] == [(name, 0) for name in PRIMARY]


def test_whatever_is_finished_of_a_stage_is_balanced(size):
    runs = list(read_study(FOLDER, size).runs)
    for stage in read_plan(FOLDER / "stages.toml")[size]:
        first, last = map(int, stage["seeds"].split("-"))
        n = len(stage["methods"]) * (last - first + 1)
        part, runs = runs[:n], runs[n:]
        for done in range(1, n + 1):
            seeds = Counter(run.method.name for run in part[:done])
            assert max(seeds.values()) - min(seeds[name] for name in stage["methods"]) <= 1
    assert runs == []


def test_methods_have_the_same_parameters_in_every_size():
    texts = {size: set(read_study(FOLDER, size).training.methods) for size in ("small", "few", "full")}
    assert texts["few"] == texts["full"]
    assert texts["few"] < texts["small"]


def test_an_unknown_size_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match="small"):
        read_study(FOLDER, "smal")
