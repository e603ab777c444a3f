from pathlib import Path

import pytest

from robustsweep.benchmark.plan.request import read_request
from robustsweep.errors import UsageError
from robustsweep.results.compare.request import CompareRequest, compare_request, declared_comparison

PLAN = """
out = "runs/mine"
suites = ["clean"]

[train]
methods = ["cutmix"]

[compare]
methods = ["smoothmix_c", "cutmix", "mixup"]
metrics = ["mean_corruption_error"]
reference = "baseline-seed0"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_a_plan_says_runs_methods_metrics_and_reference_and_its_sweep_ignores_them(tmp_path: Path) -> None:
    plan = write(tmp_path, PLAN)
    wanted = CompareRequest(
        (Path("runs/mine"),), "smoothmix_c", ("cutmix", "mixup"), ("mean_corruption_error",), "baseline-seed0"
    )
    assert compare_request([plan], None, (), (), None) == wanted
    assert read_request(plan).suites == ("clean",)


def test_a_plan_declares_what_will_be_compared_whether_or_not_it_names_a_run() -> None:
    declared = {"methods": ["smoothmix_c", "cutmix"], "metrics": ["clean_error"], "reference": None}
    given = {"methods": ["smoothmix_c", "cutmix"], "metrics": ["clean_error"]}
    assert declared_comparison({"compare": given}, "The plan") == declared
    assert declared_comparison({"compare": {"metrics": ["clean_error"]}}, "The plan") is None
    assert declared_comparison({"data": "digits"}, "The plan") is None


def test_a_single_method_is_compared_with_all(tmp_path: Path) -> None:
    plan = write(tmp_path, "out = 'runs/mine'\n[compare]\nmethods = ['cutmix']\n")
    assert compare_request([plan], None, (), (), None) == CompareRequest((Path("runs/mine"),), "cutmix", ("all",))


def test_the_command_line_wins_over_the_plan(tmp_path: Path) -> None:
    found = compare_request([write(tmp_path, PLAN)], "mixup", ["cutout"], ["fog_error"], "other")
    assert found == CompareRequest((Path("runs/mine"),), "mixup", ("cutout",), ("fog_error",), "other")


def test_run_folders_need_both_names(tmp_path: Path) -> None:
    runs = (tmp_path, tmp_path / "other")
    assert compare_request(runs, "a", ["b", "c"], (), None) == CompareRequest(runs, "a", ("b", "c"))
    for method, against in ((None, ["b"]), ("a", []), (None, [])):
        with pytest.raises(UsageError, match="Say what is compared"):
            compare_request(runs, method, against, (), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[compare]\nmethods = ['a', 'b']", "names no run"),
        ("out = 'r'\ncompare = 3", "compare must be a table"),
        ("out = 'r'\n[compare]\nmethod = ['a']", r"Unknown key of the plan .*'method'; did you mean 'methods'\?"),
        ("out = 'r'\n[compare]\nmethods = 'a'", "methods must be a list of strings, got 'a'"),
        ("out = 'r'\n[compare]\nmethods = ['a', 3]", "methods must be a list of strings"),
        ("out = 'r'\n[compare]\nmethods = ['a']\nreference = 3", "reference must be a string, got 3"),
        ("out = 'r'\n[compare]\nmetrics = ['clean_error']", "Say what is compared"),
        ("out = 'r'", "Say what is compared"),
        ("out = ", "is not TOML"),
    ],
)
def test_a_plan_that_cannot_be_understood_is_refused_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare_request([write(tmp_path, text)], None, (), (), None)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere.toml does not exist"):
        compare_request([tmp_path / "nowhere.toml"], None, (), (), None)
