"""Tables of maps: how well they find what a network uses, and what a pasted window does to them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.report.attribution.map_rows import MapRows
from robustsweep.results.report.attribution.map_window_tables import window_map_tables
from robustsweep.results.report.attribution.method_maps import MethodMaps, mean_of
from robustsweep.results.tables.table import METHOD, Column, Table, footnotes

SANITY = (
    "Guided Backpropagation hardly changes when a network's weights are randomised (Adebayo and others, 2018): it "
    "shows edges of the image more than what the network uses, and is not evidence of where a network looks."
)
"""Stands beside every such map."""
_CURVES = (
    "Deletion: mean probability of the explained class while pixels are replaced by the image's mean colour, the "
    "highest first; insertion: while they come back. Lower deletion and higher insertion: the map finds what the "
    "network uses.",
    "A map without a positive value, such as a CAM that speaks against its class everywhere, has no mass and is left "
    "out.",
)
_EXPLAINED = {"predicted": "the class that the checkpoint predicts for the clean image", "true": "the true class"}
_CURVE_COLUMNS = {
    "deletion": Column("deletion", "deletion AUC", "number", False),
    "insertion": Column("insertion", "insertion AUC", "number", True),
}
_BOX_COLUMNS = {
    "object_share": Column("object_share", "mass in the object's box (%)", "percent"),
    "object_excess": Column("object_excess", "beyond the box's area (pp)", "percent"),
}


def map_tables(maps: MethodMaps) -> list[Table]:
    """Build every table that the maps of a folder support."""
    return [footnotes(table) for table in (_curves(maps), _by_outcome(maps), *window_map_tables(maps)) if table.rows]


def _curves(maps: MethodMaps) -> Table:
    """Show deletion and insertion, and mass in the objects' boxes if there are any."""
    has_boxes = any((one.clean[:, 3] > 0).any() for one in maps.found.maps.values())
    numbers, found = {**_CURVE_COLUMNS, **(_BOX_COLUMNS if has_boxes else {})}, MapRows()
    counts = (Column("images", "images", "count"), Column("misclassified", "misclassified (%)", "percent"))
    for name in maps.names:
        for group in maps.groups_with(name):
            scores = [mean_of(maps.clean(group, name, one)) for one in numbers]
            found.add((name, group.name), scores, (scores[0].n_images, _misclassified(maps, group, name)))
    columns = (Column("map", "map"), METHOD, *numbers.values(), *counts)
    return found.table(maps, "curves", "Deletion and insertion of what maps mark", columns, tuple(_notes(maps)), 2)


def _by_outcome(maps: MethodMaps) -> Table:
    """Show deletion and insertion of images that are classified rightly and wrongly apart; nothing if all are one."""
    found, labels = MapRows(), maps.found.images.labels
    for name in maps.names:
        for is_right, outcome in ((True, "right"), (False, "wrong")):
            for group in maps.groups_with(name):
                predicted = np.stack([maps.found.maps[i, name].predicted for i in group.checkpoint_ids])
                counts = (predicted == labels) == is_right
                scores = [mean_of(np.where(counts, maps.clean(group, name, one), np.nan)) for one in _CURVE_COLUMNS]
                found.add((name, outcome, group.name), scores, (scores[0].n_images,))
    if not any(row[1] == "wrong" and row[-1] for row in found.rows):
        found.rows.clear()
    columns = (Column("map", "map"), Column("prediction", "prediction"), METHOD, *_CURVE_COLUMNS.values())
    title = "Deletion and insertion by whether the prediction is right"
    notes = ("Of a method with several training seeds: images that all of them classify rightly, or all wrongly.",)
    columns = (*columns, Column("images", "images", "count"))
    return replace(found.table(maps, "outcomes", title, columns, notes, 3), depth="detail")


def _notes(maps: MethodMaps) -> Iterator[str]:
    explained = _EXPLAINED[maps.found.images.about["target"]]
    yield (f"Maps explain the logit of {explained}. Images that are misclassified count as well.")
    yield from _CURVES
    if "guided_backprop" in maps.names:
        yield SANITY


def _misclassified(maps: MethodMaps, group: SeedGroup, name: str) -> float:
    """Return the share of wrong predictions over images and seeds."""
    wrong = [maps.found.maps[i, name].predicted != maps.found.images.labels for i in group.checkpoint_ids]
    return sum(float(one.mean()) for one in wrong) / len(wrong)
