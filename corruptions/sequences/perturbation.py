"""A perturbation: frames that follow from an image by small steps, of what is drawn once for the sequence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.corruptions.opencv import without_opencv_threads
from robustsweep.draws import Draws
from robustsweep.errors import DataError
from robustsweep.values import whole_number

SIDE = 32
"""The constants are those of CIFAR-P, for images of 32 x 32 pixels."""

_IMAGES_PER_PASS = 512


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A perturbation.

    Attributes:
        name: As in the published file names, such as ``"tilt"``.
        frames: ``frames(images, draws)`` yields the frames, first to last, of uint8 images (N, 3, H, W): uint8 tensors
            of the same shape. All random numbers come from ``draws``.
        n_frames: How many it yields.
        source: Where the definition comes from.
        libraries: As of a ``Corruption``.
    """

    name: str
    frames: Callable[[Tensor, Draws], Iterator[Tensor]]
    n_frames: int
    source: str
    libraries: tuple[str, ...] = ()

    def sequence(self, images: Tensor, *, seed: int, ids: Tensor) -> Tensor:
        """Make the sequences of a batch of images.

        A sequence is a function of (seed, perturbation, the image's id, its pixels) alone.

        Args:
            images: uint8 tensor (N, 3, 32, 32), on any device.
            seed: The run's seed.
            ids: int64 tensor (N,), on the same device.

        Returns:
            uint8 tensor (N, frames, 3, 32, 32) on the same device.

        Raises:
            DataError: If the images have another dtype or shape.
            MissingDependencyError: If it needs a package that is not installed.
        """
        if images.dtype != torch.uint8 or images.shape[1:] != (3, SIDE, SIDE):
            raise DataError(
                f"Sequences need uint8 images of shape (N, 3, {SIDE}, {SIDE}), not {images.dtype} of "
                f"{tuple(images.shape)}."
            )
        made = torch.empty((len(images), self.n_frames, *images.shape[1:]), dtype=torch.uint8, device=images.device)
        number = whole_number(seed, "seed")
        with without_opencv_threads():
            for start in range(0, len(images), _IMAGES_PER_PASS):
                rows = slice(start, start + _IMAGES_PER_PASS)
                draws = Draws(number, f"sequence/cifar/{self.name}", ids[rows])
                for place, frame in enumerate(self.frames(images[rows].contiguous(), draws)):
                    made[rows, place] = frame
        return made
