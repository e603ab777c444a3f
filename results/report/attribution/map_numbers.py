"""Every number of measured maps as one tidy CSV table: a row per checkpoint, image, map, condition and score."""

import io

import pandas as pd

from robustsweep.results.report.attribution.map_arrays import CLEAN_SCORES, WINDOW_SCORES, StoredMap
from robustsweep.results.report.attribution.method_maps import MethodMaps
from robustsweep.results.stored.cells import Array
from robustsweep.results.tables.csv_text import csv_text
from robustsweep.results.tables.window_tables import WINDOWS

_NAMES = {"window": "window_excess", "edge_band": "edge_band_excess", "correlation": "correlation"}
_KEYS = ("checkpoint_id", "checkpoint", "method", "seed", "image", "label", "target", "predicted")


def numbers_csv(maps: MethodMaps) -> str:
    """Write the scores that are defined; shares and correlations as they are, ``*_excess`` minus the area's share."""
    file, images = io.StringIO(), maps.found.images
    header = True
    for (checkpoint_id, name), found in maps.found.maps.items():
        row = maps.checkpoints.loc[checkpoint_id]
        names = {column: csv_text(str(row[column])) for column in ("checkpoint", "method")}
        frame = _long(found, images.ids, images.labels)
        frame = frame.assign(checkpoint_id=checkpoint_id, seed=row["seed"], map=name, **names)
        frame = frame.dropna(subset=["value"])[[*_KEYS, "map", "condition", "score", "value"]]
        frame.to_csv(file, index=False, header=header, lineterminator="\n")
        header = False
    return file.getvalue()


def _long(found: StoredMap, ids: Array, labels: Array) -> pd.DataFrame:
    conditions = ["clean", *(f"window-{edge}-{filling}@{fraction:g}" for filling, fraction, edge in WINDOWS)]
    columns = [("clean", score, found.clean[:, place]) for place, score in enumerate(CLEAN_SCORES)]
    columns += [
        (condition, _NAMES[score], values[:, place])
        for condition, values in zip(conditions[1:], found.windows, strict=False)
        for place, score in enumerate(WINDOW_SCORES)
    ]
    shared = {"image": ids, "label": labels, "target": found.targets, "predicted": found.predicted}
    parts = [pd.DataFrame({**shared, "condition": c, "score": s, "value": values}) for c, s, values in columns]
    return pd.concat(parts, ignore_index=True)
