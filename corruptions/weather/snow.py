"""Snow: bright flakes, blurred in the direction of their fall, over a bleached image."""

import torch
from torch import Tensor
from torch.nn import functional

from robustsweep.corruptions.blur.motion import motion_blur
from robustsweep.corruptions.blur.zoom import zoom_crop, zoom_line
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws


def _sample_snow(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Draw the part of the flake field that the zoom keeps, and the direction of fall in degrees."""
    zoom = parameters[2]
    _, height, width = shape
    flakes = draws.normal(zoom_crop(height, zoom)[1], zoom_crop(width, zoom)[1])
    return flakes, draws.uniform(low=-135.0, high=-45.0)


def _enlarge(field: Tensor, size: int, factor: float, axis: int) -> Tensor:
    lower, share = zoom_line(size, factor)
    index = torch.from_numpy(lower).to(field.device)
    weight = torch.from_numpy(share).to(torch.float32).to(field.device)
    weight = weight.unsqueeze(1) if axis == 1 else weight
    below = field.index_select(axis, index)
    above = field.index_select(axis, (index + 1).clamp_(max=field.shape[axis] - 1))
    return above.sub_(below).mul_(weight).add_(below)


def _snow(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    mean, std, zoom, threshold, radius, sigma, kept = parameters
    flakes, degrees = fields
    height, width = images.shape[2:]
    layer = _enlarge(_enlarge(flakes, height, zoom, axis=1), width, zoom, axis=2).mul_(std).add_(mean)
    layer = functional.threshold(layer, threshold, 0.0)
    flying = motion_blur(truncate(layer.mul_(255.0)).unsqueeze(1), degrees, int(radius), sigma).to(torch.float32)
    return _under(flying, images, kept)


def _under(flying: Tensor, images: Tensor, kept: float) -> Tensor:
    """Bleach images and add the layer of flakes twice, the second time turned by 180 degrees."""
    levels = images.to(torch.float32)
    red, green, blue = levels.unbind(dim=1)
    grey = (red * (1.5 * 0.299)).add_(green, alpha=1.5 * 0.587).add_(blue, alpha=1.5 * 0.114).add_(127.5)
    bleached = torch.maximum(levels, grey.unsqueeze(1)).mul_(1.0 - kept).add_(levels.mul_(kept))
    return truncate(bleached.add_(flying + flying.flip((2, 3))))


_LARGE = (
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)

SNOW = Corruption(
    name="snow",
    sample=_sample_snow,
    apply=_snow,
    # mean and standard deviation of the flake field, its zoom, threshold, blur radius, blur sigma, share of the image
    severities=severities(
        cifar=(
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        tiny=(
            (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
        ),
        imagenet=_LARGE,
        inception=_LARGE,
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; draws only what the zoom keeps, the same distribution",
)
