"""Sums of shifted images: borders, and correlation along flat memory.

A batch of padded planes is one long line in memory. A tap of a kernel is a shift of that line, so that every
tap is one pass over contiguous numbers; what crosses from one row or plane into the next lands in the padding.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from torch import Tensor

Border = Literal["repeat", "mirror", "reflect"]
Tap = tuple[int, int, float]


def with_border(images: Tensor, rows: tuple[int, int], columns: tuple[int, int], border: Border) -> Tensor:
    """Extend planes on all four sides.

    Args:
        images: Tensor (..., H, W) of any dtype.
        rows: Rows to add above and below, at most H - 1 if they are not repeated.
        columns: Columns to add left and right, at most W - 1 if they are not repeated.
        border: ``"repeat"`` repeats the edge pixel; ``"mirror"`` reflects at its centre, so that it is not repeated;
            ``"reflect"`` reflects at its outer side, so that it is.

    Returns:
        float32 tensor (planes, H + rows, W + columns), or float64 if the planes are, contiguous.
    """
    height, width = images.shape[-2:]
    planes = images.reshape(-1, height, width)
    size = (len(planes), height + sum(rows), width + sum(columns))
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    padded = torch.empty(size, dtype=dtype, device=images.device)
    inside = padded.narrow(1, rows[0], height)
    inside.narrow(2, columns[0], width).copy_(planes)
    _extend(inside.transpose(1, 2), *columns, border)
    _extend(padded, *rows, border)
    return padded


def _extend(lines: Tensor, before: int, after: int, border: Border) -> None:
    """Fill the first and the last entries along dimension 1 from those between."""
    last = lines.shape[1] - after - 1
    if border == "repeat":
        lines[:, :before] = lines[:, before : before + 1]
        lines[:, last + 1 :] = lines[:, last : last + 1]
        return
    skipped = int(border == "mirror")
    lines[:, :before] = lines[:, before + skipped : 2 * before + skipped].flip(1)
    lines[:, last + 1 :] = lines[:, last + 1 - skipped - after : last + 1 - skipped].flip(1)


def _shifted_sum(line: Tensor, taps: Iterable[tuple[int, float]], length: int) -> Tensor:
    """Add up ``weight * line[j + shift]`` over the taps (shift, weight), in their order, for j below ``length``."""
    total: Tensor | None = None
    for shift, weight in taps:
        part = line[shift : shift + length]
        total = part * weight if total is None else total.add_(part, alpha=weight)
    assert total is not None, "a kernel has at least one tap"
    return total


def correlate(padded: Tensor, taps: Sequence[Tap], height: int, width: int) -> Tensor:
    """Correlate planes with a kernel.

    Args:
        padded: float32 tensor (planes, rows, columns), contiguous.
        taps: Row offset, column offset (both 0 or more, into ``padded``) and weight of each tap.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        float32 tensor (planes, height, width): element (y, x) is the sum of ``weight * padded[y + row, x + column]``.
    """
    planes, rows, columns = padded.shape
    length = ((planes - 1) * rows + height - 1) * columns + width
    line = _shifted_sum(padded.view(-1), [(row * columns + column, weight) for row, column, weight in taps], length)
    return line.as_strided((planes, height, width), (rows * columns, columns, 1))


def correlate_separably(padded: Tensor, weights: Sequence[float], height: int, width: int) -> Tensor:
    """Correlate planes with one line of weights along both axes, rows first; see ``correlate``."""
    planes, rows, columns = padded.shape
    length = ((planes - 1) * rows + height - 1) * columns + width
    taps = list(enumerate(weights))
    down = _shifted_sum(padded.view(-1), [(tap * columns, weight) for tap, weight in taps], length + len(weights) - 1)
    return _shifted_sum(down, taps, length).as_strided((planes, height, width), (rows * columns, columns, 1))
