"""Data specs and the sources of clean and corrupted images."""

from robustsweep.benchmark.data.catalogue import DATASETS, open_data
from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.dataset import Dataset

__all__ = ["DATASETS", "Dataset", "OfficialSet", "open_data"]
