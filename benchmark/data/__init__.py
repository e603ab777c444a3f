"""Data specs and the sources of clean and corrupted images."""

from robustsweep.benchmark.data import readers
from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.opening import DATASETS, open_data
from robustsweep.benchmark.data.photos import Photos

__all__ = ["DATASETS", "Dataset", "OfficialSet", "Photos", "open_data", "readers"]
