"""Blocks: the images that a sweep holds in memory together."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from robustsweep.benchmark.data import Photos
from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.benchmark.plan.source import Source

BLOCK_BYTES = 4_000_000_000
IMAGES_PER_BLOCK = 2048
# Photos are corrupted a block at a time, which is held in memory twice.
_PHOTO_BLOCK_BYTES = 256_000_000


def split_positions(source: Source, block_bytes: int) -> list[Int64Array]:
    """Return all positions as one block if they fit ``block_bytes`` as uint8, else 2 048 at a time.

    Of photos a block holds 256 MB of one size, or a single one.
    """
    positions, data = source.positions, source.data
    if isinstance(data, Photos):
        return [block for same in data.by_size(positions) for block in _photo_blocks(data, same, block_bytes)]
    height, width = source.data.size
    fits = len(positions) * 3 * height * width <= block_bytes
    size = len(positions) if fits else IMAGES_PER_BLOCK
    return [positions[start : start + size] for start in range(0, len(positions), size)]


def _photo_blocks(data: Photos, positions: Int64Array, block_bytes: int) -> list[Int64Array]:
    height, width = data.sizes[positions[0]]
    size = max(1, min(block_bytes, _PHOTO_BLOCK_BYTES) // (3 * height * width))
    return [positions[start : start + size] for start in range(0, len(positions), size)]


@dataclass(frozen=True)
class Block:
    """Images that are handled together.

    Attributes:
        index: Position among the blocks.
        positions: int64, shape (n,), in the data set.
        ids: int64, shape (n,), on the device.
        labels: int64, shape (n,), on the device.
        source: Where the images come from.
    """

    index: int
    positions: Int64Array
    ids: Tensor
    labels: Tensor
    source: Source

    @classmethod
    def of(cls, source: Source, index: int, positions: Int64Array, device: torch.device) -> "Block":
        """Put the ids and labels of ``positions`` on the device."""
        ids, labels = (torch.from_numpy(all_[positions]).to(device) for all_ in (source.data.ids, source.data.labels))
        return cls(index, positions, ids, labels, source)

    @cached_property
    def clean(self) -> Tensor:
        """The clean images, uint8 of shape (n, 3, H, W), on the device; read when they are first asked for."""
        return self.source.read_clean(self.positions).to(self.ids.device)

    def clean_at(self, positions: Int64Array) -> Tensor:
        """Return clean images of any part of the data set; those of this block are not read again.

        Args:
            positions: int64, shape (m,), in the data set, in any order.

        Returns:
            uint8 of shape (m, 3, H, W) on the device.

        Raises:
            DataError: If an image cannot be read.
        """
        rows = np.searchsorted(self.positions, positions).clip(max=len(self.positions) - 1)
        is_here = self.positions[rows] == positions
        images = torch.empty((len(positions), *self.clean.shape[1:]), dtype=torch.uint8, device=self.ids.device)
        here, elsewhere = (torch.from_numpy(np.flatnonzero(mask)).to(images.device) for mask in (is_here, ~is_here))
        images[here] = self.clean[torch.from_numpy(rows[is_here]).to(images.device)]
        if len(elsewhere):
            images[elsewhere] = self.source.read_clean(positions[~is_here]).to(images.device)
        return images
