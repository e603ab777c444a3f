"""Published numbers that stand beside ours, in a table of their own and in no mean."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.tables.table import Column, Table, Value


@dataclass(frozen=True, slots=True)
class Published:
    """One published row.

    Attributes:
        name: As its source calls it.
        architecture: What was trained.
        alike: Our names of that architecture, in small letters and digits.
        errors: Error in percent under each of the fifteen corruptions, the mean of five severities.
    """

    name: str
    architecture: str
    alike: tuple[str, ...]
    errors: tuple[float, ...]


# Errors computed from the accuracies per corruption and severity in RobustBench's repository (commit 78fcc9e), the
# file model_info/DATASET/corruptions/unaggregated_results.csv. Rows whose columns are known to be out of order in that
# file are left out.
_ROBUSTBENCH: dict[str, tuple[Published, ...]] = {
    "cifar10-c": (
        Published(
            "Standard", "WideResNet-28-10", ("wrn2810", "wideresnet2810"),
            (52.974, 41.220, 44.700, 18.512, 49.000, 22.276, 24.398, 18.114, 24.956, 11.212, 6.716, 17.390, 16.220,
             28.018, 22.436),
        ),
    ),
    "cifar100-c": (
        Published(
            "Hendrycks2020AugMix_WRN", "WideResNet-40-2", ("wrn402", "wideresnet402"),
            (52.112, 44.314, 40.316, 26.582, 45.918, 29.544, 28.170, 34.172, 36.312, 33.412, 26.502, 34.750, 31.908,
             36.460, 37.890),
        ),
        Published(
            "Modas2021PRIMEResNet18", "ResNet-18", ("resnet18",),
            (31.840, 29.336, 40.160, 27.686, 40.404, 30.804, 28.846, 31.726, 30.970, 32.562, 24.850, 28.790, 30.738,
             33.230, 33.832),
        ),
    ),
    "imagenet-c": (
        Published(
            "Standard_R50", "ResNet-50", ("resnet50",),
            (68.536, 70.904, 74.012, 61.096, 73.232, 61.868, 63.684, 67.848, 62.684, 54.500, 32.156, 60.896, 55.044,
             55.140, 46.156),
        ),
        Published(
            "Hendrycks2020AugMix", "ResNet-50", ("resnet50",),
            (55.204, 54.384, 56.296, 51.944, 64.868, 46.364, 50.460, 60.508, 57.560, 52.836, 30.816, 48.688, 47.940,
             42.448, 39.756),
        ),
        Published(
            "Hendrycks2020Many", "ResNet-50", ("resnet50",),
            (41.216, 43.192, 40.828, 48.580, 59.928, 51.712, 60.192, 56.608, 50.784, 48.596, 28.824, 51.976, 49.188,
             34.376, 40.428),
        ),
        Published(
            "Erichson2022NoisyMix_new", "ResNet-50", ("resnet50",),
            (46.104, 47.380, 47.188, 52.396, 60.684, 46.244, 49.688, 55.868, 47.828, 44.764, 29.016, 44.232, 46.924,
             46.168, 36.256),
        ),
    ),
}  # fmt: skip

_N_IMAGES = {"cifar10-c": 10_000, "cifar100-c": 10_000, "imagenet-c": 50_000}
_N_CLASSES = {"cifar10-c": 10, "cifar100-c": 100, "imagenet-c": 1000}
_N_PUBLISHED = {"cifar10-c": "all 10 000 images", "cifar100-c": "all 10 000 images", "imagenet-c": "5 000 images"}
_RULE = (
    "Shown because checkpoints here have the same architecture and were measured on all images of the official data "
    "set of that name. The weights and their training are others; no number here enters a mean or a test."
)


def published_tables(units: Sequence[Unit]) -> Iterator[Table]:
    """Build one table per data set whose published rows fit checkpoints of ``units``.

    A row fits if the unit holds all images of the official corrupted set of that name and one of its checkpoints has
    the row's architecture. Generated corruptions, subsets and other data sets have none.
    """
    shown: set[str] = set()
    for unit in units:
        name = unit.scope.data
        official = unit.scope.provenance == "official" and unit.scope.subset is None
        if name in shown or not official or (unit.scope.n, unit.classes) != (_N_IMAGES.get(name), _N_CLASSES.get(name)):
            continue
        ours = {_plain(str(architecture)) for architecture in unit.checkpoints["architecture"]}
        if rows := [row for row in _ROBUSTBENCH[name] if ours & set(row.alike)]:
            shown.add(name)
            yield _table(name, rows)


def _plain(architecture: str) -> str:
    """Write ``torchvision:resnet50`` and ``WRN-28-10`` as ``resnet50`` and ``wrn2810``."""
    return re.sub(r"[^a-z0-9]", "", architecture.rpartition(":")[2].lower())


def _table(data: str, rows: Sequence[Published]) -> Table:
    columns = [Column("model", "model"), Column("architecture", "architecture")]
    columns += [Column(name, name.replace("_", " "), "percent", False) for name in (*CORRUPTIONS, "mean of 15")]
    values: list[tuple[Value, ...]] = []
    for row in rows:
        fractions = [error / 100 for error in row.errors]
        values.append((row.name, row.architecture, *fractions, sum(fractions) / len(fractions)))
    source = (
        f"Source: RobustBench, commit 78fcc9e, unaggregated results of {data} ({_N_PUBLISHED[data]}); each value is 1 "
        "minus the mean accuracy over 5 severities."
    )
    title = f"Published errors on {data} (%, lower is better)"
    return Table(f"published_{data}", title, None, tuple(columns), tuple(values), (source, _RULE), keys=2)
