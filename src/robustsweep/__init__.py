"""Measure how robust image classifiers are, and compare them with numbers that can be trusted.

Importing it before torch makes OpenMP's threads wait without spinning, unless the environment says how they wait.
"""

import os
import sys

# Threads that spin at the end of a parallel region collapse on a busy machine: one burns its time while it waits for
# another that has no processor. OpenMP reads this once, when torch loads it.
if "torch" not in sys.modules and not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
    os.environ["OMP_WAIT_POLICY"] = "passive"

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
