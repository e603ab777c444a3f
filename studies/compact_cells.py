"""Read which images a compacted checkpoint has wrong, condition by condition, with nothing of robustsweep."""

import json
import lzma
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

C = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    *("snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression"),
)
C_BAR = (
    *("blue_noise_sample", "brownish_noise", "checkerboard_cutout", "circular_motion_blur", "inverse_sparkles"),
    *("lines", "pinch_and_twirl", "ripple", "sparkles", "transverse_chromatic_abberation"),
)
SCORES = {
    "mean_corruption_error": C,
    "mean_corruption_error_cifar_c_bar": C_BAR,
    "clean_error": ("clean",),
    **{name: (name,) for name in (*C, *C_BAR)},
}
"""The conditions whose mean each score is: a name stands for its five severities."""
_LZMA = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 0, "lp": 0, "pb": 0}]


def read_checkpoint(path: Path) -> pd.DataFrame:
    """Read a compact file, a row for each cell.

    Returns:
        Columns checkpoint, method, images (how many), condition, and wrong (bool, one per image).

    Raises:
        SystemExit: If counts and bits of the file contradict each other.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    manifest = json.loads(arrays["manifest"].tobytes())
    sizes = [int(n) for n in arrays["sizes"][:, 0]]
    right = unpacked(arrays["hits"], sizes) if "hits" in arrays else unpacked_earlier(arrays["right"], sizes)
    card = manifest["checkpoint"]["card"]
    rows = [
        {
            "checkpoint": manifest["checkpoint"]["name"],
            "method": card["method"],
            "images": len(bits),
            "condition": cell["condition"]["name"],
            "wrong": ~bits,
        }
        for cell, bits in zip(manifest["cells"], right, strict=True)
    ]
    for cell, row in zip(manifest["cells"], rows, strict=True):
        if cell["counts"]["n_right"] != row["images"] - row["wrong"].sum():
            raise SystemExit(f"{path} says another number of right images for {row['condition']} than its bits.")
    return pd.DataFrame(rows)


def unpacked(hits: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    """Yield for each cell which images are right.

    A byte holds, for one image, top-5 hit and right prediction of up to four cells of as many images. Each row of bytes
    is sorted by the hits of the image in the rows before, since the number of images last changed.
    """
    content = np.frombuffer(lzma.decompress(hits.tobytes(), lzma.FORMAT_RAW, filters=_LZMA), np.uint8)
    place = 0
    for n, same in groupby(sizes):
        left, n_hits = len(list(same)), np.zeros(n, int)
        while left:
            cells = min(4, left)
            bits = np.zeros((2 * cells, n), bool)
            packed = np.unpackbits(content[place : place + n]).reshape(n, 8)[:, : 2 * cells]
            bits[:, np.argsort(n_hits, kind="stable")] = packed.T
            n_hits += bits.sum(axis=0)
            yield from bits[1::2]
            left, place = left - cells, place + n


def unpacked_earlier(packed: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    """Do the same for a file of an earlier version: the bits of each cell, one cell after another."""
    place = 0
    for n in sizes:
        n_bytes = (n + 7) // 8
        yield np.unpackbits(packed[place : place + n_bytes])[:n].astype(bool)
        place += n_bytes


def scores_of(cells: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each score of each image of one checkpoint: the mean over the conditions that it consists of."""
    wrong = dict(zip(cells["condition"], cells["wrong"], strict=True))
    found = {}
    for name, parts in SCORES.items():
        conditions = [
            c for part in parts for c in ([part] if part == "clean" else [f"{part}@{s}" for s in range(1, 6)])
        ]
        if all(condition in wrong for condition in conditions):
            found[name] = np.mean([wrong[condition] for condition in conditions], axis=0)
    return found
