"""Operations on the tones of byte images, whole batches at once, with a magnitude for each image.

Source: Pillow's ImageOps and ImageEnhance, whose results these are byte for byte (the tests compare them): tables are
built in double precision and cut to whole numbers, blends in single precision.
Every function takes and returns uint8 of shape (N, 3, H, W) and leaves its argument as it was.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

OVERLAPPED = ("brightness", "contrast", "saturate")
"""The corruptions that changes of brightness, contrast, colour and sharpness overlap. That AutoContrast is none of
these follows AugMix; IPMix counts it among them."""


def autocontrast(images: Tensor) -> Tensor:
    """Stretch each channel to the whole range; a channel of one tone stays as it is."""
    low, high = images.amin((2, 3), keepdim=True).double(), images.amax((2, 3), keepdim=True).double()
    # A number over a tensor would multiply by the reciprocal, whose rounding differs.
    scale = torch.full_like(low, 255.0) / (high - low).clamp_min(1)
    stretched = (images * scale - low * scale).clamp_(0, 255).to(torch.uint8)
    return torch.where(high > low, stretched, images)


def equalize(images: Tensor) -> Tensor:
    """Flatten each channel's histogram."""
    n_channels, n_pixels = images.shape[0] * images.shape[1], images.shape[2] * images.shape[3]
    offset = 256 * torch.arange(n_channels, device=images.device).unsqueeze(1)
    entry = images.reshape(n_channels, n_pixels) + offset
    histogram = torch.bincount(entry.flatten(), minlength=256 * n_channels).view(n_channels, 256)
    brightest = images.amax((2, 3)).view(n_channels, 1).long()
    step = (n_pixels - histogram.gather(1, brightest)) // 255
    below = histogram.cumsum(1) - histogram
    table = torch.div(step // 2 + below, step.clamp_min(1), rounding_mode="floor").clamp_(0, 255)
    # Too few pixels to spread: a channel of one tone, or nearly.
    table = torch.where(step > 0, table, torch.arange(256, device=images.device)).to(torch.uint8)
    return table.view(-1)[entry].view(images.shape)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest ``bits`` of each byte: int64 in [1, 8], shape (N,)."""
    kept = 256 - 2 ** (8 - bits)
    return images & kept.to(torch.uint8).view(-1, 1, 1, 1)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert what is not darker than ``threshold``: int64 in [0, 256], shape (N,)."""
    is_dark = images < threshold.to(torch.int16).view(-1, 1, 1, 1)
    return torch.where(is_dark, images, 255 - images)


def saturate(images: Tensor, factor: Tensor) -> Tensor:
    """Move each pixel away from its grey, or towards it if ``factor`` (float, shape (N,)) is below 1."""
    return _blend(_luma(images), images, factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Move each pixel away from its image's mean grey, or towards it if ``factor`` is below 1."""
    mean = _luma(images).double().mean((1, 2, 3), keepdim=True)
    return _blend((mean + 0.5).floor(), images, factor)


def brighten(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply each pixel by ``factor``."""
    return _blend(torch.zeros_like(images[:, :1]), images, factor)


def sharpen(images: Tensor, factor: Tensor) -> Tensor:
    """Move each pixel away from its smoothed neighbourhood, or towards it if ``factor`` is below 1."""
    kernel = torch.full((3, 1, 3, 3), 1 / 13, device=images.device)
    kernel[:, :, 1, 1] = 5 / 13
    smooth = images.float()
    # The border has no full neighbourhood and stays as it is.
    smooth[:, :, 1:-1, 1:-1] = (F.conv2d(images.float(), kernel, groups=3) + 0.5).floor()
    return _blend(smooth, images, factor)


def _luma(images: Tensor) -> Tensor:
    """Return the grey level of each pixel: int32, shape (N, 1, H, W)."""
    whole = images.int()
    return (19595 * whole[:, :1] + 38470 * whole[:, 1:2] + 7471 * whole[:, 2:] + 32768) >> 16


def _blend(start: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """Go from ``start`` (whole numbers) ``factor`` times the way to the images, cut to bytes."""
    start = start.float()
    moved = start + factor.float().view(-1, 1, 1, 1) * (images - start)
    return moved.clamp_(0, 255).to(torch.uint8)
