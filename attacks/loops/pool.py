"""Pools: the images of an attack that wait together on the model's device, and the batches that are taken from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_POOL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Pool:
    """Images that wait together on the model's device.

    Attributes:
        rows: int64 (n,) on the CPU, their positions in the whole input.
        clean: float32 (n, ...), in [0, 1].
        labels: int64 (n,).
        ids: int64 (n,).
        rivals: int64 (n, R), what a targeted loss leads to: wrong classes, the likeliest on the clean image first, one
            for each start; R = 0 for other losses.
    """

    rows: Tensor
    clean: Tensor
    labels: Tensor
    ids: Tensor
    rivals: Tensor

    def keep(self, index: Tensor) -> "Pool":
        """Return the images at ``index`` (int64)."""
        if len(index) == len(self.rows):
            return self
        return Pool(self.rows[index.cpu()], self.clean[index], self.labels[index], self.ids[index], self.rivals[index])

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield the positions of at most ``size`` images at a time, int64 on the model's device."""
        yield from batches(torch.arange(len(self.rows), device=self.clean.device), size)


def batches(positions: Tensor, size: int) -> Iterator[Tensor]:
    """Yield at most ``size`` of the positions (n,) at a time; nothing if there are none."""
    if len(positions):
        yield from torch.split(positions, size)


def pools(images: Tensor, labels: Tensor, ids: Tensor, batch_size: int, device: torch.device) -> Iterator[Pool]:
    """Copy images (N, ...), labels (N,) and ids (N,) to the device, some at a time, with no rivals yet."""
    # Clean images and iterates share the memory; fewer than two batches could not be packed.
    pool_rows = max(2 * batch_size, _POOL_BYTES // (2 * images[0].numel() * images.element_size()))
    for rows in torch.split(torch.arange(len(images)), pool_rows):
        yield Pool(
            rows,
            images[rows.to(images.device)].to(device).clamp(0.0, 1.0),
            labels[rows.to(labels.device)].to(device),
            ids[rows.to(ids.device)].to(device),
            rivals=torch.empty((len(rows), 0), dtype=torch.int64, device=device),
        )
