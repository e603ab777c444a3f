"""A short form of fuzz_inputs.py."""

import sys
from pathlib import Path

import pytest
from forks import import_commands
from fuzz_inputs import tried, tried_all
from junk import KINDS, Case, cases

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs os.fork")


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    import_commands()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_junk_in_plans_and_options_ends_with_2_and_a_name(tmp_path: Path) -> None:
    outcomes = tried_all(("option", "method", "plan"), 36, 0, tmp_path)
    assert [(outcome.case, outcome.fault, outcome.said[-300:]) for outcome in outcomes if outcome.fault] == []


@pytest.mark.parametrize(
    "text",
    [
        f"limit = {'9' * 5000}",
        'out = "a\\u0000b"',
        f"data = {'[' * 5000}",
        f"{'.'.join('a' * 50_000)} = 1",
        f"a = {'{a = ' * 30}1{'}' * 30}",
        "seed = 9223372036854775808",
        "workers = 100000000",
        "limit = inf",
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_plan_that_nothing_can_take_is_named(text: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    assert tried(Case("plan", ["sweep", str(plan)], ("plan.toml",)), tmp_path).fault is None


@pytest.mark.parametrize("kind", KINDS)
def test_junk_is_the_same_for_a_seed(kind: str, tmp_path: Path) -> None:
    drawn = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        junk = cases(kind, 0, tmp_path / name)
        drawn.append([str(next(junk).arguments).replace(str(tmp_path / name), "") for _ in range(3)])
    assert drawn[0] == drawn[1]
