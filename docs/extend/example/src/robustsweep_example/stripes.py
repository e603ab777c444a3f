"""A data set: stripes of four orientations with noise, made in memory."""

import hashlib

import numpy as np
import numpy.typing as npt
import torch

from robustsweep.benchmark.data import Dataset
from robustsweep.benchmark.spec import Spec
from robustsweep.errors import UsageError

_N = {"train": 256, "test": 64}


def open_stripes(spec: Spec, location: str | None, workers: int) -> Dataset:
    """stripes[,split=train|test]: stripes of four orientations, 32x32; nothing to fetch."""
    split = spec.options.get("split", "test")
    if location is not None or set(spec.options) - {"split"} or split not in _N:
        raise UsageError(f"Data spec {spec.text!r}: stripes take no location, and split is train or test.")
    images, labels = _drawn(_N[split], seed=sorted(_N).index(split))
    return Dataset(
        name="stripes",
        split=split,
        labels=labels,
        ids=np.arange(len(labels)),
        classes=4,
        size=(32, 32),
        fingerprint=hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        preprocessing="none",
        read=lambda positions: torch.from_numpy(images[positions]),
        class_names=lambda: ("horizontal", "rising", "vertical", "falling"),
    )


def _drawn(n: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % 4
    y, x = np.mgrid[:32, :32]
    angles = (labels + 2) * np.pi / 4
    phases = rng.uniform(0, 2 * np.pi, n)
    waves = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    grey = 127 + 60 * np.sin(waves + phases[:, None, None])
    noisy = grey[:, None] + rng.normal(0, 30, (n, 3, 32, 32))
    return noisy.clip(0, 255).astype(np.uint8), labels
