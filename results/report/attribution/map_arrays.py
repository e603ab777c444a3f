"""Measured maps in memory: images, one record per checkpoint and map, and what of them does not fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from robustsweep.results.stored.cells import Array, Json
from robustsweep.results.tables.window_tables import WINDOWS

MAP_NAMES = ("cam", "gradcam", "smoothgrad", "integrated_gradients", "guided_backprop")
CLEAN_SCORES = ("deletion", "insertion", "object_share", "object_area")
"""Columns of ``StoredMap.clean``."""
WINDOW_SCORES = ("window", "edge_band", "correlation")
"""Last axis of ``StoredMap.windows``."""
FILLINGS = tuple(dict.fromkeys(filling for filling, _, _ in WINDOWS))
EDGES = tuple(dict.fromkeys(edge for _, _, edge in WINDOWS))
MOST_SHOWN = 4
"""Images that are kept as pictures."""
MOST_IMAGES = 1_000_000
SHOWN_SIDE = 96
"""Pixels of the longer side of a picture at most."""


@dataclass(frozen=True, slots=True, eq=False)
class MappedImages:
    """The images of a folder.

    Attributes:
        about: See ``AboutFields``.
        ids: int64 (n,).
        labels: int64 (n,).
        shown: int64 (k,): rows of the images that are kept as pictures, 4 at most.
        pictures: uint8 (k, H, W, 3).
        pasted: uint8 (3, k, H, W, 3): with a window, by its edge; (0, k, H, W, 3) without windows.
    """

    about: Json
    ids: Array
    labels: Array
    shown: Array
    pictures: Array
    pasted: Array

    def misfit(self) -> str:
        """Say what does not fit; empty if all does."""
        n, k = len(self.ids), len(self.shown)
        side = self.pictures.shape[1:3]
        kinds = {
            "ids": (self.ids, "int64", (n,)),
            "labels": (self.labels, "int64", (n,)),
            "shown": (self.shown, "int64", (k,)),
            "pictures": (self.pictures, "uint8", (k, *side, 3)),
            "pasted": (self.pasted, "uint8", (len(self.pasted), k, *side, 3)),
        }
        wrong = _misfit(kinds)
        if wrong or len(self.pasted) not in (0, len(EDGES)):
            return wrong or "pasted has another number of edges"
        in_range = 0 < n <= MOST_IMAGES and k <= MOST_SHOWN and all(0 < one <= SHOWN_SIDE for one in side)
        if not in_range or (k and not 0 <= int(self.shown.min()) <= int(self.shown.max()) < n):
            return "its counts are out of range"
        return "" if len(np.unique(self.ids)) == n else "an image is there twice"


@dataclass(frozen=True, slots=True, eq=False)
class StoredMap:
    """What was measured of one checkpoint's maps of one kind.

    Attributes:
        targets: int64 (n,): the classes that the maps explain.
        predicted: int64 (n,): what the checkpoint predicts for the clean images.
        clean: float64 (n, 4), see ``CLEAN_SCORES``; NaN is not measured or not defined.
        windows: float64 (27, n, 3), by ``WINDOWS`` of the tables and ``WINDOW_SCORES``; (0, n, 3) if there are none.
        pictures: uint8 (k, h, w): saliency of the shown images, 255 at its 99th percentile.
        pasted: uint8 (3, k, h, w), or (0, k, h, w): with the window of the pictures, by its edge.
    """

    targets: Array
    predicted: Array
    clean: Array
    windows: Array
    pictures: Array
    pasted: Array

    def misfit(self, images: MappedImages) -> str:
        """Say what does not fit the images; empty if all does."""
        n, size = len(images.ids), images.pictures.shape[:3]
        n_windows, n_pasted = len(self.windows), len(self.pasted)
        wrong = _misfit(
            {
                "targets": (self.targets, "int64", (n,)),
                "predicted": (self.predicted, "int64", (n,)),
                "clean": (self.clean, "float64", (n, len(CLEAN_SCORES))),
                "windows": (self.windows, "float64", (n_windows, n, len(WINDOW_SCORES))),
                "pictures": (self.pictures, "uint8", size),
                "pasted": (self.pasted, "uint8", (n_pasted, *size)),
            }
        )
        if wrong or n_windows not in (0, len(WINDOWS)) or n_pasted not in (0, len(images.pasted)):
            return wrong or "it has another number of windows"
        # Shares, areas, probabilities and correlations; rounding may lead beyond by a little.
        largest = max(float(np.abs(np.nan_to_num(one)).max(initial=0)) for one in (self.clean, self.windows))
        return "" if largest <= 1 + 1e-6 else f"it holds {largest:.4g}, and no score is beyond 1"


@dataclass(frozen=True, slots=True, eq=False)
class MapSet:
    """All maps of a folder.

    Attributes:
        images: The images.
        checkpoints: ``id``, ``name`` and ``card`` of each checkpoint.
        maps: By checkpoint id and name of the map.
    """

    images: MappedImages
    checkpoints: tuple[Json, ...]
    maps: dict[tuple[str, str], StoredMap]


def _misfit(kinds: dict[str, tuple[Array, str, tuple[Any, ...]]]) -> str:
    for name, (array, dtype, shape) in kinds.items():
        if array.dtype.name != dtype or array.shape != shape:
            return f"{name} is {array.dtype.name} {array.shape}, expected {dtype} {shape}"
    return ""
