"""Pixelation: shrink with a box filter, enlarge again."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.opencv import opencv_or_none

# Images of fewer pixels are shrunk and turned faster by tensors.
_SMALLEST_ONE_BY_ONE = 64 * 64


@lru_cache(maxsize=64)
def box_sources(size_in: int, size_out: int, device: torch.device) -> tuple[tuple[Tensor, Tensor], ...]:
    """List the pixels that Pillow's box filter averages, for each pixel of a resized line.

    Returns:
        For each tap its source position, int64 (size_out,), and its weight, float32 (size_out, 1): one part in the
        number of pixels that are averaged, or zero if there are fewer than taps.
    """
    scale = size_in / size_out
    reach = max(scale, 1.0)
    sources = []
    for out in range(size_out):
        centre = (out + 0.5) * scale
        first, last = max(int(centre - 0.5 * reach + 0.5), 0), min(int(centre + 0.5 * reach + 0.5), size_in)
        sources.append([tap for tap in range(first, last) if -0.5 < (tap - centre + 0.5) / reach <= 0.5])
    taps = []
    for tap in range(max(map(len, sources))):
        position = torch.tensor([inside[min(tap, len(inside) - 1)] for inside in sources])
        weight = torch.tensor([[1.0 / len(inside) if tap < len(inside) else 0.0] for inside in sources])
        taps.append((position.to(device), weight.to(device)))
    return tuple(taps)


def _box_rows(levels: Tensor, size: int) -> Tensor:
    """Resize dimension 2 of a uint8 tensor with Pillow's box filter, bit for bit."""
    taps = box_sources(levels.shape[2], size, levels.device)
    if len(taps) == 1:
        return levels.index_select(2, taps[0][0])
    total: Tensor | None = None
    for position, weight in taps:
        part = levels.index_select(2, position).to(torch.float32).mul_(weight)
        total = part if total is None else total.add_(part)
    assert total is not None, "every pixel has a source"
    # Halves are exact and round up. Thirds and fifths end at least a tenth from a half.
    return total.add_(0.5 + 2.0**-14).to(torch.int32).to(torch.uint8)


def box_resize(levels: Tensor, height: int, width: int) -> Tensor:
    """Resize with Pillow's box filter, bit for bit: columns first, rounded to 8 bits, then rows.

    Args:
        levels: uint8 tensor (N, 3, H, W).
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        uint8 tensor (N, 3, height, width).
    """
    if levels.device.type == "cpu" and _is_large(levels) and width < levels.shape[3]:
        return _box_rows(_narrowed_by_pillow(levels, width), height)
    # Whole rows are picked faster than columns, so that the image is laid on its side in between.
    return _box_rows(_transposed(_box_rows(_transposed(levels), width)), height)


def _is_large(levels: Tensor) -> bool:
    return levels.shape[2] * levels.shape[3] >= _SMALLEST_ONE_BY_ONE


def _narrowed_by_pillow(levels: Tensor, width: int) -> Tensor:
    """Average the columns of all planes in one call of Pillow, as one tall image; other threads run meanwhile."""
    from PIL import Image

    rows = levels.reshape(-1, levels.shape[3]).numpy()
    tall = Image.frombuffer("L", (rows.shape[1], len(rows)), rows, "raw", "L", 0, 1)
    narrow = np.array(tall.resize((width, len(rows)), Image.Resampling.BOX))
    return torch.from_numpy(narrow).view(*levels.shape[:3], width)


def _transposed(levels: Tensor) -> Tensor:
    """Exchange rows and columns of uint8 images (N, 3, H, W); OpenCV does it plane by plane, and faster if large."""
    height, width = levels.shape[2:]
    cv2 = opencv_or_none() if levels.device.type == "cpu" and _is_large(levels) else None
    if cv2 is None:
        return levels.transpose(2, 3).contiguous()
    turned = levels.new_empty((*levels.shape[:2], width, height))
    planes = (images.view(-1, *images.shape[2:]).numpy() for images in (levels, turned))
    for plane, out in zip(*planes, strict=True):
        cv2.transpose(plane, dst=out)
    return turned


def _pixelate(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (factor,) = parameters
    height, width = images.shape[2:]
    return box_resize(box_resize(images, int(height * factor), int(width * factor)), height, width)


PIXELATE = Corruption(
    name="pixelate",
    apply=_pixelate,
    # side of the small image, as a fraction
    severities=severities(
        cifar=(0.95, 0.9, 0.85, 0.75, 0.65),
        tiny=(0.9, 0.8, 0.7, 0.6, 0.5),
        imagenet=(0.6, 0.5, 0.4, 0.3, 0.25),
        inception=(0.5, 0.4, 0.3, 0.25, 0.2),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the filter of Pillow's Image.resize with BOX",
)
