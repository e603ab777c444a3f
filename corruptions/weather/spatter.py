"""Spatter: drops of water or splashes of mud on the lens."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from robustsweep.corruptions.blur.gaussian import gaussian_blur
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.opencv import opencv
from robustsweep.draws import Draws

WATER = (175.0, 238.0, 238.0)
"""Red, green and blue of water, in levels."""
_MUD = (63.0, 42.0, 20.0)


def _sample_liquid(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    return (draws.normal(*shape[1:]),)


def water_mask(liquid: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shade drops of water by the distance to their rims.

    Args:
        liquid: uint8 array (H, W), 0 where it is dry.

    Returns:
        float32 array (H, W) in [0, 1]. If no drop is shaded it is zero; the published code divides by zero there.
    """
    cv2 = opencv()
    rims = 255 - cv2.Canny(liquid, 50, 150)
    distance = np.minimum(cv2.distanceTransform(rims, cv2.DIST_L2, 5), np.float32(20.0))
    shade = cv2.equalizeHist(cv2.blur(distance, (3, 3)).astype(np.uint8))
    emboss = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    shade = cv2.blur(cv2.filter2D(shade, cv2.CV_8U, emboss), (3, 3)).astype(np.float32)
    mask: NDArray[np.float32] = liquid * shade
    brightest = mask.max()
    return mask / brightest if brightest > 0 else mask


def _colour(rgb: tuple[float, float, float], device: torch.device) -> Tensor:
    return torch.tensor(rgb, dtype=torch.float32, device=device).view(1, 3, 1, 1)


def _spatter(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    mean, std, sigma, threshold, strength, mud = parameters
    liquid = gaussian_blur(fields[0], sigma).mul_(std).add_(mean)
    if mud:
        cover = gaussian_blur((liquid > threshold).view(torch.uint8), strength).unsqueeze(1)
        cover = functional.threshold(cover, 0.8, 0.0)
        return truncate((_colour(_MUD, images.device) - images).mul_(cover).add_(images))
    levels = functional.threshold(liquid, threshold, 0.0).mul_(255.0).to(torch.int32).to(torch.uint8).cpu().numpy()
    masks = np.stack([water_mask(level) for level in levels])
    mask = torch.from_numpy(masks).unsqueeze(1).to(images.device)
    return truncate((mask * (_colour(WATER, images.device) * strength)).add_(images))


SPATTER = Corruption(
    name="spatter",
    sample=_sample_liquid,
    apply=_spatter,
    # mean, standard deviation and sigma of the liquid, threshold, strength of water or sigma of mud, mud or not
    severities=severities(
        cifar=(
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
        tiny=(
            (0.62, 0.1, 0.7, 0.7, 0.6, 0),
            (0.65, 0.1, 0.8, 0.7, 0.6, 0),
            (0.65, 0.3, 1, 0.69, 0.6, 0),
            (0.65, 0.1, 0.7, 0.68, 0.6, 1),
            (0.65, 0.1, 0.5, 0.67, 0.6, 1),
        ),
        imagenet=(
            (0.65, 0.3, 4, 0.69, 0.6, 0),
            (0.65, 0.3, 3, 0.68, 0.6, 0),
            (0.65, 0.3, 2, 0.68, 0.5, 0),
            (0.65, 0.3, 1, 0.65, 1.5, 1),
            (0.67, 0.4, 1, 0.65, 1.5, 1),
        ),
        inception=(
            (0.65, 0.3, 4, 0.69, 0.9, 0),
            (0.65, 0.3, 3.5, 0.68, 0.9, 0),
            (0.65, 0.3, 3, 0.68, 0.8, 0),
            (0.65, 0.3, 1.2, 0.65, 1.8, 1),
            (0.67, 0.4, 1.2, 0.65, 1.8, 1),
        ),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the mask by OpenCV on the CPU",
    libraries=("opencv",),
)
