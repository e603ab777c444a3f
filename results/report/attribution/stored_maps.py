"""Measured maps in a folder: the images, and one file per checkpoint and map, each with a checksum.

A folder holds maps of one set of images. It may come from elsewhere: sizes, types and values are checked, and nothing
of it is shown before that.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.stored.card_files import CardFiles
from robustsweep.results.stored.cells import Array, Json
from robustsweep.results.stored.entries import CHECKPOINT_ID, has_file, names_in, write_entry
from robustsweep.results.stored.json.documents import fitting
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays, sealed_arrays
from robustsweep.results.tables.window_tables import WINDOWS
from robustsweep.untrusted.files import parse_json

FOLDER = "attributions"
"""Where in a run folder a report looks for them."""
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
_ADVICE = "delete it and run robustsweep attribute again"


class AboutFields(TypedDict):
    """What belongs to all maps of a folder."""

    data: str
    fingerprint: str
    images_key: str
    n_total: int
    seed: int
    target: Literal["predicted", "true"]


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


class MapFiles:
    """The files of a folder of maps.

    Args:
        root: The folder; or a run folder, with ``below`` naming the folders that lead to it.
        below: Folders below ``root``.
    """

    def __init__(self, root: Path, *below: str) -> None:
        self._root, self._below = root, below
        self._cards = CardFiles(root.joinpath(*below))

    def images(self) -> MappedImages | None:
        """Read the images; None if there are none.

        Raises:
            DataError: If they cannot be read or do not fit.
        """
        names = (*self._below, "images.npz")
        if not has_file(self._root, *names):
            return None
        path = self._root.joinpath(*names)
        arrays = _read(path, {"about", *(one.name for one in fields(MappedImages))})
        about = parse_json(arrays.pop("about").tobytes(), path, _ADVICE)
        if not isinstance(about, dict):
            raise DataError(f"{path} does not say whose images these are; {_ADVICE}.")
        fitting(about, AboutFields, path, "the images of maps", _ADVICE)
        found = MappedImages(about=about, **arrays)
        if wrong := found.misfit():
            raise DataError(f"{path} is damaged: {wrong}; {_ADVICE}.")
        return found

    def write_images(self, images: MappedImages) -> None:
        """Store the images."""
        arrays = {one.name: getattr(images, one.name) for one in fields(images)}
        arrays["about"] = np.frombuffer(json.dumps(images.about, sort_keys=True).encode(), np.uint8)
        write_entry(self._root, (*self._below, "images.npz"), sealed_arrays(arrays))

    def map(self, checkpoint_id: str, name: str, images: MappedImages) -> StoredMap | None:
        """Read a map; None if there is none.

        Raises:
            DataError: If it cannot be read or does not fit the images.
        """
        names = self._place(checkpoint_id, name)
        if not has_file(self._root, *names):
            return None
        path = self._root.joinpath(*names)
        arrays = _read(path, {"of", *(one.name for one in fields(StoredMap))})
        if arrays.pop("of").tobytes() != _of(checkpoint_id, name, images.about):
            raise DataError(f"{path} is the map of other images or of another checkpoint; {_ADVICE}.")
        found = StoredMap(**arrays)
        if wrong := found.misfit(images):
            raise DataError(f"{path} is damaged: {wrong}; {_ADVICE}.")
        return found

    def write_map(self, checkpoint: Json, name: str, images: MappedImages, found: StoredMap) -> None:
        """Store what was measured of a checkpoint's maps of one kind."""
        self._cards.write(checkpoint)
        arrays = {one.name: getattr(found, one.name) for one in fields(found)}
        arrays["of"] = np.frombuffer(_of(checkpoint["id"], name, images.about), np.uint8)
        write_entry(self._root, self._place(checkpoint["id"], name), sealed_arrays(arrays))

    def read(self) -> MapSet | None:
        """Read everything; None where nothing was measured.

        Raises:
            DataError: If something cannot be read or does not fit.
        """
        images = self.images()
        if images is None:
            return None
        maps = dict(self._maps(images))
        checkpoints = []
        for checkpoint_id in dict.fromkeys(checkpoint_id for checkpoint_id, _ in maps):
            card = self._cards.of(checkpoint_id)
            if card is None:
                raise DataError(f"{self._root} lacks checkpoints/{checkpoint_id}.json; {_ADVICE}.")
            checkpoints.append(card)
        return MapSet(images, tuple(checkpoints), maps) if maps else None

    def _maps(self, images: MappedImages) -> Iterator[tuple[tuple[str, str], StoredMap]]:
        known = re.compile("|".join(MAP_NAMES))
        for checkpoint_id in names_in(self._root, *self._below, "maps", pattern=CHECKPOINT_ID):
            for name in names_in(self._root, *self._below, "maps", checkpoint_id, suffix=".npz", pattern=known):
                found = self.map(checkpoint_id, name, images)
                if found is not None:
                    yield (checkpoint_id, name), found

    def _place(self, checkpoint_id: str, name: str) -> tuple[str, ...]:
        return (*self._below, "maps", checkpoint_id, f"{name}.npz")


def _of(checkpoint_id: str, name: str, about: Json) -> bytes:
    return json.dumps([checkpoint_id, name, about], sort_keys=True).encode()


def _read(path: Path, names: set[str]) -> dict[str, Array]:
    found = read_sealed_arrays(path, _ADVICE)
    if not found.is_sealed or found.arrays.keys() != names or any(not one.ndim for one in found.arrays.values()):
        raise DataError(f"{path} does not hold maps with a checksum; {_ADVICE}.")
    return dict(found.arrays)


def _misfit(kinds: dict[str, tuple[Array, str, tuple[Any, ...]]]) -> str:
    for name, (array, dtype, shape) in kinds.items():
        if array.dtype.name != dtype or array.shape != shape:
            return f"{name} is {array.dtype.name} {array.shape}, expected {dtype} {shape}"
    return ""
