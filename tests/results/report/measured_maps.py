"""Folders of measured maps with known numbers."""

from pathlib import Path

import numpy as np

from robustsweep.results.report.attribution.map_arrays import MappedImages, StoredMap
from robustsweep.results.report.attribution.stored_maps import MapFiles
from robustsweep.results.tables.window_tables import WINDOWS

N = 6
ABOUT = {
    "data": "shapes",
    "fingerprint": "f" * 64,
    "images_key": "a" * 64,
    "n_total": 1000,
    "seed": 0,
    "target": "predicted",
}


def mapped_images(**changes) -> MappedImages:
    k, side = 2, 8
    values = {
        "about": ABOUT,
        "ids": np.arange(N),
        "labels": np.arange(N) % 3,
        "shown": np.array([0, 3]),
        "pictures": np.full((k, side, side, 3), 90, np.uint8),
        "pasted": np.full((3, k, side, side, 3), 120, np.uint8),
    }
    return MappedImages(**{**values, **changes})


def stored_map(mass: dict[str, float] | None = None, **changes) -> StoredMap:
    """Make a map whose mass in a window is known by edge; image i has i / 100 more."""
    windows = np.zeros((len(WINDOWS), N, 3))
    for place, (filling, _, edge) in enumerate(WINDOWS):
        more = {"image": 0.0, "mean": 0.1, "noise": 0.2}[filling]
        windows[place, :, :] = (mass or {"hard": 0.3, "linear": 0.2, "gauss": 0.1})[edge] + more
    windows += np.arange(N)[:, np.newaxis] / 100
    clean = np.tile([0.2, 0.6, np.nan, np.nan], (N, 1)) + np.arange(N)[:, np.newaxis] / 100
    values = {
        "targets": np.arange(N) % 3,
        "predicted": np.arange(N) % 2,
        "clean": clean,
        "windows": windows,
        "pictures": np.arange(128, dtype=np.uint8).reshape(2, 8, 8),
        "pasted": np.zeros((3, 2, 8, 8), np.uint8),
    }
    return StoredMap(**{**values, **changes})


def checkpoint(number: int, method: str | None, seed: int | None = 0, name: str | None = None) -> dict:
    card = {"architecture": "resnet8", "classes": 3, "method": method, "method_parameters": {}, "seed": seed}
    return {"id": f"{number:012x}", "name": name or f"{method}-{seed}", "card": card}


def written(root: Path, *below: str) -> MapFiles:
    """Write maps of two seeds of a baseline and of CutMix."""
    files, images = MapFiles(root, *below), mapped_images()
    files.write_images(images)
    for number, (method, seed) in enumerate([("baseline", 0), ("baseline", 1), ("cutmix", 0), ("cutmix", 1)]):
        hard = 0.3 if method == "baseline" else 0.45
        mass = {"hard": hard + seed / 50, "linear": 0.2, "gauss": 0.1}
        files.write_map(checkpoint(number, method, seed), "cam", images, stored_map(mass))
    return files
