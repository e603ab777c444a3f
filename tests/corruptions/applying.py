"""The one door from the tests to a corruption's sampler and formula: test images, draws, and uint8 in, uint8 out."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from robustsweep.corruptions import CORRUPTIONS, generation
from robustsweep.draws import Draws


def photos(height=32, width=32, count=2, seed=0):
    """Smooth blobs, noise, flat patches, black, white and grey: uint8 (count, 3, height, width)."""
    random = np.random.default_rng(seed)
    images = ndimage.gaussian_filter(random.normal(size=(count, 3, height, width)), (0, 0, 3, 3)) * 5 + 0.5
    images += random.normal(size=images.shape) * 0.05
    third = min(height, width) // 3
    images[:, :, :third, :third] = random.uniform(size=(count, 3, 1, 1))
    images[:, :, -third:, :third] = random.uniform(size=(count, 1, third, third))
    images[:, :, :third, -third:] = 1.0
    images[:, :, -5:, -5:] = 0.0
    return torch.from_numpy((images.clip(0, 1) * 255).astype(np.uint8))


def uniform_pictures():
    """Black, white and grey without any structure: uint8 (3, 3, 32, 32)."""
    return torch.tensor([0, 255, 128], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 32, 32).contiguous()


def sampled(name, table, severity, shape, ids):
    """Draw the random fields for images of ``shape`` (3, H, W) with these ids."""
    corruption = CORRUPTIONS[name]
    return corruption.sample(Draws(3, "test", ids), tuple(shape), corruption.parameters(table, severity))


def nearest(name, table):
    """The table, or the first one that a corruption without constants for it has."""
    tables = CORRUPTIONS[name].severities
    return table if table in tables else next(iter(tables))


def in_their_tables(names, cases):
    """Pair names with the cases (table, ...) whose table has constants for them; C-bar is not a size in all of them."""
    return [(name, *case) for name in names for case in cases if case[0] in CORRUPTIONS[name].severities]


def applied(name, table, severity, images, fields=()):
    """Run a corruption's formula on uint8 images (N, 3, H, W) with these fields; the result is uint8 of that shape."""
    corruption = CORRUPTIONS[name]
    return corruption.apply(images, corruption.parameters(table, severity), fields)


def limit_passes(monkeypatch, values):
    """Let one pass hold at most this many colour values, but always one image."""
    monkeypatch.setattr(generation, "_VALUES_PER_PASS", {"cpu": values})


def drawn_for(fields, index):
    """Hand one image's draws to NumPy."""
    return [
        field.view(torch.int32)[index].numpy().view(np.uint32) if field.dtype == torch.uint32 else field[index].numpy()
        for field in fields
    ]


def channels_last(images):
    """Turn uint8 images (N, 3, H, W) into an array (N, H, W, 3)."""
    return images.permute(0, 2, 3, 1).numpy()


def skip_without_opencv(name):
    """Skip a test of a corruption, or of an oracle, that runs OpenCV where OpenCV cannot be imported."""
    if name in ("spatter", "frost"):
        pytest.importorskip("cv2", exc_type=ImportError)


def pictures(count, height=32, width=32):
    """Blocky random pictures with flat areas, the same in every run."""
    draws = Draws(0, "pictures", torch.arange(count))
    coarse = draws.integers(0, 256, 3, -(-height // 8), -(-width // 8)).repeat_interleave(8, 2).repeat_interleave(8, 3)
    fine = draws.integers(-20, 21, 3, height, width)
    pixels = (coarse[:, :, :height, :width] + fine).clamp(0, 255)
    pixels[:, :, :8, :8] = coarse[:, :, :8, :8]
    return pixels.to(torch.uint8)


IDS = torch.arange(512) * 7_919 + 2**40
