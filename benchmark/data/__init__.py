"""Data specs and the sources of clean and corrupted images."""

from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.opening import DATASETS, open_data

__all__ = ["DATASETS", "Dataset", "OfficialSet", "open_data"]
