"""Small training runs that tests and the processes they kill share."""

from pathlib import Path

import numpy as np
import torch

from robustsweep.augmentations.method import Method
from robustsweep.augmentations.mixes.cutmix import CutMix
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.training.cards import Keep
from robustsweep.training.images.data_images import load_images
from robustsweep.training.job import Job, Setting
from robustsweep.training.recipe import Recipe

RECIPE = Recipe(
    name="tiny",
    epochs=4,
    batch_size=16,
    learning_rate=0.05,
    weight_decay=1e-4,
    crop_padding=1,
    flip=False,
    warmup_epochs=1,
)


def stripes(n: int = 64, name: str = "stripes") -> Dataset:
    """Two classes that one convolution tells apart: horizontal and vertical stripes under noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    images = rng.integers(0, 60, (n, 3, 8, 8))
    images[labels == 0, :, ::2] += 150
    images[labels == 1, :, :, ::2] += 150
    return from_array(name, "train", images.astype(np.uint8), labels, 2)


def setting(data: Dataset, recipe: Recipe = RECIPE, keep: Keep = "last") -> Setting:
    device = torch.device("cpu")
    images = load_images(data, device, recipe, hold_out=keep == "best")
    return Setting(data, images, "resnet8", recipe, keep, device)


def cutmix_job(folder: Path, method: Method | None = None) -> Job:
    return Job(method or CutMix(), 3, folder / "cutmix-seed3.safetensors")
