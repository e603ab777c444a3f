"""Measured maps in a folder: the images, and one file per checkpoint and map, each with a checksum.

A folder holds maps of one set of images. It may come from elsewhere: sizes, types and values are checked, and nothing
of it is shown before that.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.report.attribution.map_arrays import MAP_NAMES, MappedImages, MapSet, StoredMap
from robustsweep.results.stored.card_files import CardFiles
from robustsweep.results.stored.cells import Array, Json
from robustsweep.results.stored.entries import CHECKPOINT_ID, has_file, names_in, write_entry
from robustsweep.results.stored.json.documents import fitting
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays, sealed_arrays
from robustsweep.untrusted.files import parse_json

FOLDER = "attributions"
"""Where in a run folder a report looks for them."""
_ADVICE = "delete it and run robustsweep attribute again"


class AboutFields(TypedDict):
    """What belongs to all maps of a folder."""

    data: str
    fingerprint: str
    images_key: str
    n_total: int
    seed: int
    target: Literal["predicted", "true"]


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
        """Read everything; None if nothing was measured.

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
