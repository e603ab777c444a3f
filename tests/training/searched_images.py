"""Small searches that tests and the processes they kill share."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import load_digits

from robustsweep.training.search.request import SearchRequest

RECIPE = """
architecture = "resnet8-w8"
epochs = {epochs}
batch_size = 16
learning_rate = 0.1
weight_decay = 1e-4
warmup_epochs = 1
crop_padding = 0
flip = false
"""


def write_turned_digits(folder: Path, n: int) -> str:
    """Write bright digits on dark ground, each turned by up to 60 degrees: turning keeps their class."""
    digits, rng = load_digits(), np.random.default_rng(0)
    turned = [rotate(15.9 * image, rng.uniform(-60, 60), reshape=False, order=1) for image in digits.images[:n]]
    pixels = np.repeat(np.clip(turned, 0, 255).astype(np.uint8)[..., None], 3, axis=3)
    np.savez(folder / "digits.npz", images=pixels, labels=digits.target[:n])
    return f"npz:{folder / 'digits.npz'}"


def small_request(folder: Path, *, images: int = 120, epochs: int = 2, **options: Any) -> SearchRequest:
    """Ask for a search in ``folder / "out"`` on turned digits."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE.format(epochs=epochs))
    settings: dict[str, Any] = {
        "splits": 2,
        "trials": 3,
        "keep": 1,
        "device": "cpu",
        "out": str(folder / "out"),
        **options,
    }
    return SearchRequest(data=write_turned_digits(folder, images), recipe=str(recipe), **settings)
