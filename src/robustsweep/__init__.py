"""Measure how robust image classifiers are, and compare them with numbers that can be trusted.

Importing it before torch decides how OpenMP's threads wait for each other, see ``waiting_threads``.
"""

import sys

from robustsweep.process import waiting_threads

if "torch" not in sys.modules:
    waiting_threads.decide()

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    # Looked up where it is asked for: the look-up takes longer than all else that happens before a command can be
    # interrupted.
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("robustsweep")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
