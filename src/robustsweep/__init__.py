"""Measure how robust image classifiers are, and compare them with numbers that can be trusted.

Importing it before torch decides how OpenMP's threads wait for each other, see ``waiting_threads``. The names below are
loaded when they are first asked for, so that a command responds before torch is there.
"""

import sys
from typing import TYPE_CHECKING

from robustsweep.process import waiting_threads

if TYPE_CHECKING:
    from robustsweep import transforms
    from robustsweep.api.attack import attack
    from robustsweep.api.compare_result import compare
    from robustsweep.api.corrupt import corrupt
    from robustsweep.api.evaluate import evaluate
    from robustsweep.api.inputs.models import load
    from robustsweep.api.mix import Mix
    from robustsweep.api.plan_runs import sweep, train
    from robustsweep.api.results import Results
    from robustsweep.api.run_reports import gate, report, write_baseline

    __version__: str

if "torch" not in sys.modules:
    waiting_threads.decide()

_HOMES = {
    "Mix": "robustsweep.api.mix",
    "Results": "robustsweep.api.results",
    "attack": "robustsweep.api.attack",
    "compare": "robustsweep.api.compare_result",
    "corrupt": "robustsweep.api.corrupt",
    "evaluate": "robustsweep.api.evaluate",
    "gate": "robustsweep.api.run_reports",
    "load": "robustsweep.api.inputs.models",
    "report": "robustsweep.api.run_reports",
    "sweep": "robustsweep.api.plan_runs",
    "train": "robustsweep.api.plan_runs",
    "transforms": "robustsweep.transforms",
    "write_baseline": "robustsweep.api.run_reports",
}
__all__ = [
    "Mix",
    "Results",
    "__version__",
    "attack",
    "compare",
    "corrupt",
    "evaluate",
    "gate",
    "load",
    "report",
    "sweep",
    "train",
    "transforms",
    "write_baseline",
]

if not TYPE_CHECKING:  # a checker of types knows the names by their imports, and any other name as a mistake

    def __getattr__(name):
        # The version is looked up where it is asked for: the look-up takes longer than all else that happens before a
        # command can be interrupted.
        from importlib import import_module

        if name == "__version__":
            return _version()
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = import_module(_HOMES[name])
        return getattr(home, name, home)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("robustsweep")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
