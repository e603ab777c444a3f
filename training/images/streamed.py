"""Images that are read while a training goes on: random parts of photos of any size and number."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from robustsweep.augmentations.random_resized_crop import Part, part_of, sample_parts
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.draws import Draws
from robustsweep.training.images.training_images import (
    CROP_STREAM,
    IMAGES_PER_EVALUATION,
    TrainingImages,
    split,
)
from robustsweep.training.recipe import Recipe

_STEPS_AHEAD = 3


def resized_part(photo: Tensor, part: Part, side: int) -> npt.NDArray[np.uint8]:
    """Cut a part out of an image and resize it, bilinear and antialiased, as Pillow does.

    Args:
        photo: uint8, shape (3, H, W).
        part: What to cut.
        side: Of the result, in pixels.

    Returns:
        uint8, shape (side, side, 3). Pixels beside the part have no influence.
    """
    rows, columns = slice(part.top, part.top + part.height), slice(part.left, part.left + part.width)
    cut = photo[:, rows, columns].permute(1, 2, 0).contiguous().numpy()
    return np.asarray(Image.fromarray(cut).resize((side, side), Image.Resampling.BILINEAR))


@dataclass(frozen=True, eq=False)
class StreamedImages(TrainingImages):
    """Photographs that threads read, cut and resize a few steps ahead of the network.

    Attributes:
        data: All photos.
        kept: Positions of those that are trained on, int64, shape (N,).
        held_out: Positions of those that no step sees, int64, shape (M,); M may be 0.
        workers: Threads.
    """

    data: Dataset
    kept: Int64Array
    held_out: Int64Array
    workers: int

    def crops(self, batches: Tensor | Sequence[Tensor], recipe: Recipe, seed: int, epoch: int) -> Iterator[Tensor]:
        """See ``TrainingImages``; a photo that cannot be read raises DataError."""
        device, side = self.ids.device, int(recipe.crop_size or 0)
        pool = ThreadPoolExecutor(self.workers)
        ahead: deque[tuple[Tensor, list[Future[npt.NDArray[np.uint8]]]]] = deque()
        try:
            for rows in batches:
                draws = Draws(seed, f"{CROP_STREAM}/{epoch}", self.ids[rows].cpu())
                samples = sample_parts(draws).tolist()
                is_mirrored = (
                    draws.integers(0, 2, 1)[:, 0] == 1 if recipe.flip else torch.zeros(len(rows), dtype=torch.bool)
                )
                positions = self.kept[rows.cpu().numpy()]
                found = [pool.submit(self._cut, *one, side) for one in zip(positions, samples, strict=True)]
                ahead.append((is_mirrored, found))
                if len(ahead) > _STEPS_AHEAD:
                    yield _batch(*ahead.popleft(), device)
            while ahead:
                yield _batch(*ahead.popleft(), device)
        finally:
            pool.shutdown(cancel_futures=True)

    def _cut(self, position: int, sample: list[float], side: int) -> npt.NDArray[np.uint8]:
        photo = self.data.photo(int(position))
        return resized_part(photo, part_of(sample, photo.shape[1], photo.shape[2]), side)

    @property
    def n_held_out(self) -> int:
        """See ``TrainingImages``."""
        return len(self.held_out)

    def held_out_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``TrainingImages``; the images are preprocessed as the data say."""
        for start in range(0, len(self.held_out), IMAGES_PER_EVALUATION):
            positions = self.held_out[start : start + IMAGES_PER_EVALUATION]
            labels = torch.from_numpy(self.data.labels[positions])
            yield self.data.images(positions).to(self.ids.device), labels.to(self.ids.device)


def _batch(is_mirrored: Tensor, found: list[Future[npt.NDArray[np.uint8]]], device: torch.device) -> Tensor:
    """Wait for the crops of a step: uint8 on the device, shape (n, 3, side, side), channels last in memory."""
    images = torch.from_numpy(np.stack([one.result() for one in found]))
    images = torch.where(is_mirrored.view(-1, 1, 1, 1), images.flip(2), images)
    return images.to(device).permute(0, 3, 1, 2)


def stream_images(
    data: Dataset, device: torch.device, recipe: Recipe, *, hold_out: bool = False, workers: int = 4
) -> StreamedImages:
    """Take photos to be read as the training goes.

    Args:
        data: Training images with their labels.
        device: Where to train.
        recipe: Its ``norm`` is taken.
        hold_out: See ``split``.
        workers: Threads that decode.

    Raises:
        DataError: If there are too few to hold any out.
    """
    held_out, kept = split(data, hold_out=hold_out)
    return StreamedImages(
        labels=torch.from_numpy(data.labels[kept]).to(device),
        classes=data.classes,
        ids=torch.from_numpy(data.ids[kept]).to(device),
        normalisation=NORMALISATIONS[str(recipe.norm)],
        data=data,
        kept=kept,
        held_out=held_out,
        workers=workers,
    )
