"""Scores of maps by training method: image by image, and with intervals over images and training seeds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustsweep.results.comparable.equal_training import training_key
from robustsweep.results.comparable.rows import DescribedCheckpoints
from robustsweep.results.comparable.scope import Scope
from robustsweep.results.comparable.seed_groups import SeedGroup, groups_of
from robustsweep.results.report.attribution.map_arrays import CLEAN_SCORES, EDGES, MAP_NAMES, WINDOW_SCORES, MapSet
from robustsweep.results.statistics.intervals import Estimate, Floats
from robustsweep.results.statistics.seeds import mean_over_seeds, method_difference
from robustsweep.results.tables.window_tables import WINDOWS

_FEWEST_IMAGES = 2
_NOT_ALIKE = (
    "These checkpoints were not all trained alike, in architecture, data or recipe, so that a difference between two "
    "methods may come from that; only methods that were trained as the baseline are compared with it."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of a table.

    Attributes:
        value: The mean over seeds and images; None if it is defined for no image.
        ends: Of its 95% interval; None with fewer than two images.
        n_images: Images for which it is defined, for every seed.
    """

    value: float | None
    ends: tuple[float, float] | None
    n_images: int


class MethodMaps:
    """The maps of a folder by method.

    Args:
        found: The maps.

    Attributes:
        found: The maps.
        groups: Methods, the baseline first; checkpoints that differ by their training seed alone are one.
        names: The kinds of maps that there are, in order.
    """

    def __init__(self, found: MapSet) -> None:
        self.found = found
        described = DescribedCheckpoints()
        rows = pd.DataFrame([described.of(one) for one in found.checkpoints]).set_index("checkpoint_id")
        is_again = rows["checkpoint"].duplicated(keep=False)
        rows["label"] = rows["checkpoint"].where(~is_again, rows["checkpoint"] + " " + rows.index.astype(str))
        self.checkpoints = rows.sort_values(["method", "seed", "label"])
        self.groups = groups_of(self.checkpoints)
        self.names = tuple(name for name in MAP_NAMES if any(key[1] == name for key in found.maps))

    @property
    def scope(self) -> Scope:
        """What the headers of tables say."""
        about, n = self.found.images.about, len(self.found.images.ids)
        subset = f"{n} of {about['n_total']}" if n < about["n_total"] else None
        single = len(self.groups) > 1 and any(len(group.checkpoint_ids) == 1 for group in self.groups)
        seed = about["seed"]
        return Scope(about["data"], about["fingerprint"], "generated", n, subset, None, None, seed, single)

    def training_of(self, group: SeedGroup) -> str:
        """Return a text that methods share whose checkpoints were trained alike; empty if none is stated."""
        return training_key(str(self.checkpoints.loc[group.checkpoint_ids[0], "card"]))

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands below every table."""
        is_alike = len({self.training_of(group) for group in self.groups}) == 1
        return () if is_alike else (_NOT_ALIKE,)

    def groups_with(self, name: str, *, windows: bool = False) -> list[SeedGroup]:
        """List the methods all of whose checkpoints have a map, with numbers under windows if these are asked for."""
        maps = self.found.maps
        return [
            group
            for group in self.groups
            if all((i, name) in maps and (len(maps[i, name].windows) or not windows) for i in group.checkpoint_ids)
        ]

    def clean(self, group: SeedGroup, name: str, score: str) -> Floats:
        """Return a score of each image by seed, (K, n); NaN is not defined. ``object_excess`` is share minus area."""
        if score == "object_excess":
            return self.clean(group, name, "object_share") - self.clean(group, name, "object_area")
        column = CLEAN_SCORES.index(score)
        return np.stack([self.found.maps[i, name].clean[:, column] for i in group.checkpoint_ids])

    def under_windows(self, group: SeedGroup, name: str, score: str, filling: str) -> dict[str, Floats]:
        """Return a score of each image by seed, (K, n), by edge: its mean over the fractions that fit the images."""
        place, found = WINDOW_SCORES.index(score), {}
        for edge in EDGES:
            rows = [row for row, (fills, _, has) in enumerate(WINDOWS) if (fills, has) == (filling, edge)]
            values = np.stack([self.found.maps[i, name].windows[rows, :, place] for i in group.checkpoint_ids])
            fits = [row for row in range(len(rows)) if not np.isnan(values[:, row]).all()]
            found[edge] = values[:, fits].mean(axis=1) if fits else np.full(values[:, 0].shape, np.nan)
        return found


def mean_of(values: Floats) -> Measured:
    """Estimate the mean of a score over seeds and images, (K, n), of the images for which all seeds define it."""
    defined = values[:, ~np.isnan(values).any(axis=0)]
    n = defined.shape[1]
    if n < _FEWEST_IMAGES:
        return Measured(float(defined.mean()) if n else None, None, n)
    return _measured(mean_over_seeds(defined.mean(axis=0), defined.mean(axis=1)), n)


def difference_of(first: Floats, second: Floats) -> Measured:
    """Estimate the difference of two methods' scores, (K1, n) and (K2, n), paired by image."""
    both = ~np.isnan(first).any(axis=0) & ~np.isnan(second).any(axis=0)
    n = int(both.sum())
    if n < _FEWEST_IMAGES:
        return Measured(
            float((first[:, both].mean(axis=0) - second[:, both].mean(axis=0)).mean()) if n else None, None, n
        )
    return _measured(method_difference(first[:, both], second[:, both]).estimate, n)


def _measured(estimate: Estimate, n: int) -> Measured:
    ends = estimate.interval()
    return Measured(estimate.value, (ends.low, ends.high), n)
