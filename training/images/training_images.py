"""The images of a training: their crops step by step, and those held out of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.benchmark.data.dataset import Dataset, Int64Array, stratified_positions
from robustsweep.errors import DataError
from robustsweep.training.recipe import Recipe

HELD_OUT_SHARE = 0.1
IMAGES_PER_EVALUATION = 500
CROP_STREAM = "training/crop-flip"
"""Names the draws of crops and flips; the epoch follows."""

CHOICE_SEED = 0
"""Of the choice of images that are held out or that a limit leaves."""


@dataclass(frozen=True, eq=False)
class TrainingImages(ABC):
    """The images that a training sees, and those that it is judged on.

    Attributes:
        labels: int64, shape (N,), on the device.
        classes: Number of classes.
        ids: int64, shape (N,), on the device.
        normalisation: What the network's input is normalised with.
    """

    labels: Tensor
    classes: int
    ids: Tensor
    normalisation: Normalisation

    def __len__(self) -> int:
        return len(self.ids)

    def targets(self, rows: Tensor) -> Tensor:
        """Return one-hot labels, float32, shape (n, classes)."""
        return F.one_hot(self.labels[rows], self.classes).float()

    def normalised(self, images: Tensor) -> Tensor:
        """Map pixels in [0, 255], uint8 or float32 of shape (n, 3, H, W), to what the network sees, float32."""
        mean, std = self.constants
        return (images / 255 - mean) / std

    @cached_property
    def constants(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the normalisation, float32, shape (1, 3, 1, 1), on the device."""
        mean, std = (torch.tensor(c, device=self.ids.device) for c in (self.normalisation.mean, self.normalisation.std))
        return mean.view(1, 3, 1, 1), std.view(1, 3, 1, 1)

    @abstractmethod
    def crops(self, batches: Tensor | Sequence[Tensor], recipe: Recipe, seed: int, epoch: int) -> Iterator[Tensor]:
        """Cut, and mirror if the recipe says so, the images of each step.

        Each image's crop belongs to (seed, epoch, id).

        Args:
            batches: Rows, int64, shape (steps, batch size), or one tensor for each step, on the device.
            recipe: What to cut.
            seed: Of the training.
            epoch: From 0.

        Yields:
            uint8 images on the device, shape (batch size, 3, H, W), channels last in memory.
        """

    @property
    @abstractmethod
    def n_held_out(self) -> int:
        """How many images no step sees."""

    @abstractmethod
    def held_out_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the images that no step sees, uint8 on the device as they are, with their labels."""


def split(data: Dataset, *, hold_out: bool) -> tuple[Int64Array, Int64Array]:
    """Return the positions held out, a tenth or none, and the others.

    They are stratified by class: those with the smallest hash of their id, the same for every seed and method.

    Raises:
        DataError: If there are too few to hold any out.
    """
    n = round(HELD_OUT_SHARE * len(data)) if hold_out else 0
    if hold_out and not 0 < n < len(data):
        raise DataError(f"{len(data)} training images are too few to hold a tenth of them out; take more.")
    held_out = stratified_positions(data.labels, data.ids, n, CHOICE_SEED)
    kept = np.setdiff1d(np.arange(len(data)), held_out).astype(np.int64)
    return held_out, kept
