"""Tables of what a pasted window does to maps, by its edge and by training method."""

from collections.abc import Iterator
from typing import Literal

from robustsweep.results.comparable.rows import DEFAULT_METHOD
from robustsweep.results.report.attribution.map_arrays import EDGES, FILLINGS
from robustsweep.results.report.attribution.map_rows import MapRows
from robustsweep.results.report.attribution.method_maps import Measured, MethodMaps, difference_of, mean_of
from robustsweep.results.statistics.intervals import Floats
from robustsweep.results.tables.table import METHOD, Column, Table

_WHERE = {
    "window": "Share of the map's mass in the window's box, minus the box's share of the image; 0: as if it were "
    "anywhere.",
    "edge_band": "Share of the map's mass within a quarter of the box's side from its edge, on either side, minus the "
    "band's share of the image. The band is the same for every edge: where the linear mask falls from 1 to 0.",
    "correlation": "Spearman's correlation of the clean image's map and the patched one's over the pixels outside box "
    "and band; 1: the window leaves the rest of the map as it was.",
}
_WINDOWS = (
    "Our probe of SmoothMix's claim about hard edges, not its paper's protocol. Place, content and mask mass are the "
    "same for every edge, and the class explained is that of the clean image; means over the fractions 0.25, 0.375 "
    "and 0.5.",
    "Differences are paired by image. What speaks about the claim is how they differ between methods, not their sign.",
)
_TITLES = {
    "window": "Map mass in a pasted window, beyond its area",
    "edge_band": "Map mass at the edge of a pasted window, beyond its area",
    "correlation": "Correlation of clean and patched maps outside a pasted window",
}


def window_map_tables(maps: MethodMaps) -> Iterator[Table]:
    """Yield mass in the window, mass at its edge, correlation outside, and hard minus soft against the baseline."""
    yield from (_by_edge(maps, score) for score in _TITLES)
    yield from _against_baseline(maps)


def _edge_numbers(by_edge: dict[str, Floats]) -> Iterator[Measured]:
    yield from (mean_of(by_edge[edge]) for edge in EDGES)
    yield from (mean_of(by_edge["hard"] - by_edge[edge]) for edge in EDGES[1:])


def _by_edge(maps: MethodMaps, score: str) -> Table:
    found = MapRows()
    unit: Literal["number", "percent"] = "number" if score == "correlation" else "percent"
    columns = [Column("map", "map"), Column("filling", "filling"), METHOD]
    mark = "" if unit == "number" else " (pp)"
    columns += [Column(edge, f"{edge}{mark}", unit) for edge in EDGES]
    columns += [Column(f"hard_minus_{edge}", f"hard - {edge}{mark}", unit) for edge in EDGES[1:]]
    columns += [Column("images", "images", "count")]
    for name in maps.names:
        for filling in FILLINGS:
            for group in maps.groups_with(name, windows=True):
                numbers = list(_edge_numbers(maps.under_windows(group, name, score, filling)))
                found.add((name, filling, group.name), numbers, (min(one.n_images for one in numbers),))
    return found.table(maps, score, _TITLES[score], columns, (_WHERE[score], *_WINDOWS), 3)


def _against_baseline(maps: MethodMaps) -> Iterator[Table]:
    """Yield the methods' hard minus soft against the baseline's, if there is one baseline."""
    baselines = [group for group in maps.groups if group.method == DEFAULT_METHOD]
    if len(baselines) != 1:
        return
    found, titles = MapRows(), {"window": "in the window", "edge_band": "at its edge"}
    columns = [Column("map", "map"), Column("mass", "map mass"), Column("filling", "filling"), METHOD]
    columns += [Column(f"hard_minus_{edge}", f"hard - {edge} (pp)", "percent") for edge in EDGES[1:]]
    for name in maps.names:
        groups = [
            group
            for group in maps.groups_with(name, windows=True)
            if maps.training_of(group) == maps.training_of(baselines[0])
        ]
        if baselines[0] not in groups:
            continue
        for score, title in titles.items():
            for filling in FILLINGS:
                base = maps.under_windows(baselines[0], name, score, filling)
                for group in groups[1:]:
                    mine = maps.under_windows(group, name, score, filling)
                    numbers = [_difference(mine, base, edge) for edge in EDGES[1:]]
                    found.add((name, title, filling, group.name), numbers)
    notes = (
        "A method's hard minus soft, minus the baseline's, paired by image. Below zero: hard edges draw its maps less "
        "than the baseline's, in comparison with soft ones of the same mass.",
        _WINDOWS[0],
    )
    yield found.table(maps, "against_baseline", "Hard minus soft edges against the baseline", columns, notes, 4)


def _difference(mine: dict[str, Floats], base: dict[str, Floats], edge: str) -> Measured:
    return difference_of(mine["hard"] - mine[edge], base["hard"] - base[edge])
