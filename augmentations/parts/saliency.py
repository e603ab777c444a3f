"""Bottom-up saliency of images: how far each pixel stands out from its surroundings, at several scales at once.

Source: Montabone and Soto, "Human detection using a mobile platform and novel features derived from a visual saliency
mechanism" (Image and Vision Computing 2010): centre-surround differences of one grey image, brighter (on)
and darker (off) apart, from an integral image. Scales, blur, window and normalisation are those of OpenCV's
StaticSaliencyFineGrained, whose window reaches one pixel further right and down than left and up.
Difference from OpenCV: real numbers throughout, while it truncates to bytes at each stage.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_REACHES_PX = (12, 24, 48, 28, 56, 112)
_LUMA = (0.299, 0.587, 0.114)


def fine_grained_saliency(images: Tensor) -> Tensor:
    """Compute the saliency of every pixel.

    Args:
        images: Floating point, shape (N, 3, H, W) or (N, 1, H, W), any range: an affine change of the grey level
            leaves the result as it is.

    Returns:
        float32, shape (N, H, W), not negative, of relative meaning within an image; zero if an image is flat.
    """
    grey = _blur(_blur(_grey(images)))
    integral = F.pad(grey.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    brighter, darker = torch.zeros_like(grey), torch.zeros_like(grey)
    for reach in _REACHES_PX:
        contrast = grey - _surround(integral, grey, reach)
        brighter += contrast.clamp_min(0)
        darker -= contrast.clamp_max(0)
    return _to_unit_peak(brighter) + _to_unit_peak(darker)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images[:, 0].float()
    # Pixel by pixel: a matrix product may round equal pixels differently, and a flat image would not be flat.
    red, green, blue = (weight * channel for weight, channel in zip(_LUMA, images.float().unbind(1), strict=True))
    return red + green + blue


def _blur(grey: Tensor) -> Tensor:
    """Blur with the binomial kernel of 3 x 3 pixels; beyond the border the image is mirrored about its edge pixel."""
    padded = F.pad(grey.unsqueeze(1), (1, 1, 1, 1), mode="reflect").squeeze(1)
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 16


def _surround(integral: Tensor, grey: Tensor, reach: int) -> Tensor:
    """Return the mean around each pixel, itself left out, over ``reach`` - 1 pixels before it to ``reach`` after."""
    height, width = grey.shape[-2:]
    top, bottom = _ends(height, reach, grey.device)
    left, right = _ends(width, reach, grey.device)
    rows = integral[:, bottom] - integral[:, top]
    others = rows[:, :, right] - rows[:, :, left] - grey
    n_others = (bottom - top).unsqueeze(1) * (right - left) - 1
    # In float64, so that the mean of equal values is that value.
    return (others / n_others.clamp_min(1)).float()


def _ends(n_pixels: int, reach: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return each pixel's window along one axis, first pixel and the one after the last, clipped: int64."""
    pixel = torch.arange(n_pixels, device=device)
    return (pixel - reach + 1).clamp_min(0), (pixel + reach + 1).clamp_max(n_pixels)


def _to_unit_peak(values: Tensor) -> Tensor:
    peak = values.amax((1, 2), keepdim=True)
    return values / torch.where(peak > 0, peak, torch.ones_like(peak))
