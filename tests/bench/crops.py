"""The benchmark's images: squares cut at random from photos."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images


def photos(path: Path | None = None) -> list[Image.Image]:
    """Read a folder of image files, the first array (N, H, W, 3) of an .npz file, or scikit-learn's two photos."""
    if path is None:
        return [Image.fromarray(array) for array in load_sample_images().images]
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return [Image.fromarray(array) for array in arrays[arrays.files[0]]]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not found:
        raise SystemExit(f"{path} holds no .jpg or .png file; name a folder of images or an .npz file.")
    return [Image.open(file).convert("RGB") for file in found]


def random_crops(sources: list[Image.Image], count: int, side: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Cut squares of random place and size and scale them to ``side`` pixels.

    Returns:
        uint8 array (count, 3, side, side).
    """
    random = np.random.default_rng(seed)
    crops = np.empty((count, side, side, 3), dtype=np.uint8)
    for crop in crops:
        photo = sources[random.integers(len(sources))]
        width, height = photo.size
        shorter = min(width, height)
        cut = int(random.integers(min(side, shorter), shorter + 1))
        left, top = int(random.integers(width - cut + 1)), int(random.integers(height - cut + 1))
        box = (left, top, left + cut, top + cut)
        crop[:] = np.asarray(photo.resize((side, side), Image.Resampling.BILINEAR, box=box))
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
