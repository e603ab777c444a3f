"""Windows: a patch pasted into the image, with a hard edge or a soft one.

This is our probe of SmoothMix's claim that hard-edged patches mislead networks trained with hard-edged cuts (Lee,
Zaheer, Astrid and Lee, CVPR workshops 2020); it is not a protocol of that paper. The place, the partner and the noise
of an image are drawn from a stream that knows the filling and the fraction and not the edge, and all edges of a place
have one mask mass. Hard minus soft is therefore a paired comparison. Equal mass is not equal occlusion: a soft mask
hides fewer pixels wholly and more in part.
"""

import torch
from torch import Tensor

from robustsweep.corruptions.edges import side_in_pixels, window_masks
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError

FILLINGS = ("image", "mean", "noise")
FRACTIONS = (0.25, 0.375, 0.5)

SMALLEST_BOX = 4
"""Pixels; the edges of a smaller box can hardly differ."""

# Colour values per pass; about ten float32 tensors of this size are held at once.
_VALUES_PER_PASS = 1 << 20


def draw_partners(fraction: float, *, seed: int, ids: Tensor, positions: Tensor, n_total: int) -> Tensor:
    """Draw the other image that fills each window, uniformly from the whole split.

    Args:
        fraction: Side of the window as a fraction of the image's.
        seed: The run's seed.
        ids: int64, shape (N,): the images' ids.
        positions: int64, shape (N,), on the same device: the images' own positions in the split.
        n_total: Images in the split, whatever part of it is looked at.

    Returns:
        int64, shape (N,): positions in [0, n_total), never an image's own.

    Raises:
        UsageError: If there is no other image.
    """
    if n_total < 2:
        raise UsageError("A window that shows another image needs a split of two images or more; use filling noise.")
    other = Draws(seed, f"{_stream('image', fraction)}/partner", ids).integers(0, n_total - 1)
    return other + (other >= positions).to(torch.int64)


def paste_windows(
    images: Tensor, edge: str, filling: str, fraction: float, *, seed: int, ids: Tensor, partners: Tensor | None = None
) -> Tensor:
    """Paste one window into each image.

    An image's result is a function of (seed, filling, fraction, edge, its id, its pixels, its partner's) alone. Like a
    corrupted image it is truncated, not rounded, to 8 bits.

    Args:
        images: uint8, shape (N, 3, H, W), on any device.
        edge: ``"hard"``, ``"linear"`` or ``"gauss"``.
        filling: ``"image"``, the same pixels of the partner; ``"mean"``, the image's own mean colour; ``"noise"``,
            uniform grey levels, each colour value by itself.
        fraction: Side of the window as a fraction of the image's sides; the mask's mass is its square, up to rounding
            to whole pixels.
        seed: The run's seed.
        ids: int64, shape (N,).
        partners: For the filling ``"image"``, uint8 of the images' shape and device; see ``draw_partners``.

    Returns:
        uint8 tensor of the images' shape on their device.

    Raises:
        DataError: If images or partners have the wrong dtype or shape.
        UsageError: If the images are too small for the window.
    """
    _check(images, partners if filling == "image" else images, fraction)
    height, width = images.shape[2:]
    pasted = torch.empty_like(images)
    step = max(1, _VALUES_PER_PASS // max(images[0:1].numel(), 1))
    for start in range(0, len(images), step):
        rows = slice(start, start + step)
        draws = Draws(seed, _stream(filling, fraction), ids[rows].to(images.device))
        masks = window_masks(draw_places(draws, height, width, fraction), edge, height, width, fraction)
        if filling == "image" and partners is not None:
            patches = partners[rows].to(torch.float32)
        else:
            patches = mean_colour(images[rows]) if filling == "mean" else draw_noise(draws, 3, height, width)
        pasted[rows] = truncate(blend(images[rows].to(torch.float32), patches, masks))
    return pasted


def window_places(filling: str, fraction: float, *, seed: int, ids: Tensor, height: int, width: int) -> Tensor:
    """Return where ``paste_windows`` pastes into images of this size: int64, shape (N, 2), as ``draw_places``."""
    return draw_places(Draws(seed, _stream(filling, fraction), ids), height, width, fraction)


def draw_places(draws: Draws, height: int, width: int, fraction: float) -> Tensor:
    """Draw where boxes lie, uniformly among the places fully inside the image.

    Returns:
        int64, shape (N, 2): first row and first column.
    """
    sides = ((n_pixels, side_in_pixels(n_pixels, fraction)) for n_pixels in (height, width))
    return torch.stack([draws.integers(0, n_pixels - side + 1) for n_pixels, side in sides], dim=1)


def draw_noise(draws: Draws, channels: int, height: int, width: int) -> Tensor:
    """Draw uniform whole grey levels for every colour value: float32, shape (N, channels, height, width)."""
    return draws.integers(0, 256, channels, height, width).to(torch.float32)


def mean_colour(images: Tensor) -> Tensor:
    """Average uint8 images over their pixels: float32 grey levels, shape (N, C, 1, 1)."""
    # Integers add up to the same sum in any order.
    total = images.sum((2, 3), keepdim=True, dtype=torch.int64).to(torch.float64)
    return (total / images[0, 0].numel()).to(torch.float32)


def blend(images: Tensor, patches: Tensor, masks: Tensor) -> Tensor:
    """Form (1 - m) x + m p.

    Args:
        images: float32 grey levels, shape (N, C, H, W).
        patches: float32 grey levels, a shape that broadcasts to the images'.
        masks: float32 in [0, 1], shape (N, 1, H, W).

    Returns:
        float32 grey levels of the images' shape. Where a mask is 0 or 1 they are exact.
    """
    return (1.0 - masks) * images + masks * patches


def _stream(filling: str, fraction: float) -> str:
    # Without the edge: all edges share their draws.
    return f"window/{filling}@{fraction:g}"


def _check(images: Tensor, patches: Tensor | None, fraction: float) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise DataError(f"Windows need uint8 images of shape (N, 3, H, W), not {images.dtype} {tuple(images.shape)}.")
    if patches is None or patches.dtype != torch.uint8 or patches.shape != images.shape:
        came = "none" if patches is None else f"{patches.dtype} {tuple(patches.shape)}"
        raise DataError(f"Windows need one uint8 partner per image, of the images' shape, not {came}.")
    height, width = images.shape[2:]
    if side_in_pixels(min(height, width), fraction) < SMALLEST_BOX:
        raise UsageError(
            f"A window of fraction {fraction:g} needs at least {SMALLEST_BOX} pixels on each side, but on images of "
            f"{width}x{height} it has fewer; resize the images or take a larger fraction."
        )
