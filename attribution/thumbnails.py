"""Small pictures of images and maps, for figures."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robustsweep.results.report.attribution.map_arrays import SHOWN_SIDE
from robustsweep.results.stored.cells import Array


def image_pictures(images: Tensor) -> Array:
    """Return images, uint8 (k, 3, H, W), as uint8 (k, h, w, 3), no side above 96 pixels."""
    return np.stack([_small(one) for one in images.permute(0, 2, 3, 1).cpu().contiguous().numpy()])


def heat_pictures(saliency: Tensor) -> Array:
    """Return maps, float (k, H, W), not negative, as uint8 (k, h, w); a map of zeros stays one.

    255 is each map's 99th percentile and what is above: single pixels would leave all others dark.
    """
    values = saliency.flatten(1)
    high = values.kthvalue(max(1, round(0.99 * values.shape[1])), dim=1).values
    peak = torch.where(high > 0, high, values.amax(1)).view(-1, 1, 1)
    scaled = (255 * saliency / torch.where(peak > 0, peak, 1.0)).clamp(0, 255).round().byte()
    return np.stack([_small(one) for one in scaled.cpu().numpy()])


def _small(pixels: Array) -> Array:
    picture = Image.fromarray(pixels)
    picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return np.asarray(picture)
