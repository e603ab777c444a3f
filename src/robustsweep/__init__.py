"""Measure how robust image classifiers are, and compare them with numbers that can be trusted."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("robustsweep")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
