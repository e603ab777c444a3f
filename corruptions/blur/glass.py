"""Glass blur: pixels take the place of their neighbours, between two Gaussian blurs."""

import torch
from torch import Tensor

from robustsweep.corruptions.blur.gaussian import gaussian_blur
from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, Shape, severities
from robustsweep.corruptions.levels import truncate
from robustsweep.draws import Draws


def _sample_offsets(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    _, reach, passes = (int(value) for value in parameters)
    _, height, width = shape
    return (draws.integers(-reach, reach, int(passes), 2, height - 2 * reach, width - 2 * reach),)


def copy_sources(offsets: Tensor, height: int, width: int, reach: int) -> Tensor:
    """Resolve one pass of copying into the place that each pixel's value came from.

    The published loop visits rows and columns from the far end down. Its swap is none: the pixel takes the
    neighbour's value and the neighbour keeps its own. A neighbour that comes later in raster order was visited
    earlier and has a new value, any other still has its old one. Hence each pixel points at the new or the old
    value of another, and the pointers are followed to their ends by repeated doubling.

    Args:
        offsets: int64 tensor (N, 2, height - 2 * reach, width - 2 * reach) of column and row offsets for
            the visited pixels, which are those from ``reach + 1`` to ``size - reach`` on each axis.
        height: Rows of the image.
        width: Columns of the image.
        reach: Largest offset.

    Returns:
        int64 tensor (N, height * width) of raster positions.
    """
    count, pixels = offsets.shape[0], height * width
    place = torch.arange(pixels, device=offsets.device).view(height, width)
    rows, columns = slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1)
    visited = torch.zeros((height, width), dtype=torch.bool, device=offsets.device)
    visited[rows, columns] = True
    target = place[rows, columns]
    source = offsets[:, 1].mul(width).add_(offsets[:, 0]).add_(target)
    # One where the source has its old value, and zero where it was visited before.
    old = (source <= target).bitwise_or_(~visited.flatten()[source]).to(torch.int64)
    # Positions from ``pixels`` upwards stand for old values.
    pointer = (place + pixels).flatten().repeat(count, 1)
    pointer.view(count, height, width)[:, rows, columns] = old.mul_(pixels).add_(source)
    ends = place.flatten() + pixels
    while bool((pointer < pixels).any()):
        pointer = torch.cat((pointer, ends.expand(count, -1)), dim=1).gather(1, pointer)
    return pointer - pixels


def _shatter(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    sigma, reach, passes = parameters[0], int(parameters[1]), int(parameters[2])
    count, channels, height, width = images.shape
    blurred = truncate(gaussian_blur(images, sigma)).flatten(2)
    source = copy_sources(fields[0][:, 0], height, width, reach)
    for later in range(1, passes):
        source = source.gather(1, copy_sources(fields[0][:, later], height, width, reach))
    moved = blurred.gather(2, source.unsqueeze(1).expand(count, channels, -1)).view(images.shape)
    return truncate(gaussian_blur(moved, sigma))


GLASS_BLUR = Corruption(
    name="glass_blur",
    sample=_sample_offsets,
    apply=_shatter,
    # sigma in pixels, largest offset in pixels, passes
    severities=severities(
        cifar=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        tiny=((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
        imagenet=((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        inception=((0.8, 1, 3), (1, 3, 1), (1.1, 2, 4), (1.2, 4, 2), (1.6, 5, 2)),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; offsets exclude the upper end, as the generator's do",
    libraries=("opencv",),
)
