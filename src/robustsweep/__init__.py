"""Measure how robust image classifiers are, and compare them with numbers that can be trusted.

Importing it before torch makes OpenMP's threads wait without spinning, unless the environment says how they wait.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version

# Threads that spin at the end of a parallel region collapse on a busy machine: one burns its time while it waits for
# another that has no processor. OpenMP reads this once, when torch loads it.
if "torch" not in sys.modules and not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
    os.environ["OMP_WAIT_POLICY"] = "passive"

try:
    __version__ = version("robustsweep")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
