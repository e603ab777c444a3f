"""Byte images that operations on tones and places find hard: cuts of photos, flat ones, noise, two tones."""

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor


def byte_images(n: int = 40, height: int = 32, width: int = 40) -> Tensor:
    """Return uint8 images of shape (n + 4, 3, height, width)."""
    random, found = np.random.default_rng(0), []
    sources = load_sample_images().images
    for number in range(n):
        photo = Image.fromarray(sources[number % 2])
        left, top, side = random.integers(0, 400), random.integers(0, 200), random.integers(40, 220)
        found.append(np.asarray(photo.resize((width, height), box=(left, top, left + side, top + side))))
    found += [np.full((height, width, 3), value, dtype=np.uint8) for value in (0, 7)]
    found.append(random.integers(0, 256, (height, width, 3)).astype(np.uint8))
    found.append((random.random((height, width, 3)) > 0.9).astype(np.uint8) * 200)
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()


def as_pillow(images: Tensor) -> list[Image.Image]:
    return [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).numpy()]


def as_tensor(images: list[Image.Image]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
