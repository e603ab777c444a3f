import io
import os
import subprocess
import sys

import pytest

from robustsweep.process.waiting_threads import VARIABLES, others_running, settings_for

BUSY, IDLE = {"GOMP_SPINCOUNT": "1000"}, {"GOMP_SPINCOUNT": "10000"}


def environment_after(code: str, **given: str) -> dict[str, str]:
    """Run code in a process of its own, and return what it leaves of the variables in its environment."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | given
    code += f"; import os; [print(name, os.environ[name]) for name in {VARIABLES} if name in os.environ]"
    out = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    return dict(line.split() for line in out.splitlines())


@pytest.mark.parametrize("code", ["import robustsweep", "import robustsweep.cli", "import robustsweep.draws"])
def test_it_is_decided_how_threads_wait_whatever_is_imported_first(code):
    assert environment_after(code) in (BUSY, IDLE)


@pytest.mark.parametrize(
    ("others", "processors", "wanted"),
    [(0, 2, IDLE), (1, 2, BUSY), (2, 2, BUSY), (7, 16, IDLE), (8, 16, BUSY), (0, 1, IDLE)],
)
def test_threads_hardly_spin_where_half_the_processors_are_taken(others, processors, wanted):
    assert settings_for(others, processors) == wanted


def test_what_else_runs_is_counted_and_zero_where_it_cannot_be(monkeypatch):
    assert others_running() >= 0
    monkeypatch.setattr("builtins.open", lambda path: io.StringIO("0.5 0.4 0.3 4/200 77"))
    assert others_running() == 3
    monkeypatch.setattr("builtins.open", lambda path: io.StringIO("unknown"))
    assert others_running() == 0


@pytest.mark.parametrize("name", VARIABLES)
def test_a_wait_that_the_user_has_set_is_left_alone(name):
    assert environment_after("import robustsweep", **{name: "0"}) == {name: "0"}


def test_nothing_is_set_once_torch_is_loaded_and_would_not_read_it():
    assert environment_after("import sys; sys.modules['torch'] = sys; import robustsweep") == {}


def test_the_openmp_that_torch_loads_reads_the_setting():
    code = "import robustsweep, torch; torch.ones(2).sum()"
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment["OMP_DISPLAY_ENV"] = "verbose"
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    ).stderr
    if "GOMP_SPINCOUNT" not in shown:
        pytest.skip("this OpenMP does not display its settings")
    assert any(f"GOMP_SPINCOUNT = '{one['GOMP_SPINCOUNT']}'" in shown for one in (BUSY, IDLE))
