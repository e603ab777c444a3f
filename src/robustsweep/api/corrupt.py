"""Corruption of images in any of the forms in which users hold them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from robustsweep.api.inputs.image_forms import OpenedImages, open_images
from robustsweep.corruptions import CORRUPTIONS, corrupt_batch
from robustsweep.errors import DataError

Images = TypeVar("Images", bound=Tensor | npt.NDArray[Any])
Ids = int | Sequence[int] | npt.NDArray[np.int64] | Tensor


@overload
def corrupt(
    images: Images, name: str, severity: int, *, seed: int = 0, ids: Ids | None = None, table: str | None = None
) -> Images: ...
@overload
def corrupt(
    images: Image.Image, name: str, severity: int, *, seed: int = 0, ids: Ids | None = None, table: str | None = None
) -> Image.Image: ...
@overload
def corrupt(
    images: Sequence[Images],
    name: str,
    severity: int,
    *,
    seed: int = 0,
    ids: Ids | None = None,
    table: str | None = None,
) -> list[Images]: ...
@overload
def corrupt(
    images: Sequence[Image.Image],
    name: str,
    severity: int,
    *,
    seed: int = 0,
    ids: Ids | None = None,
    table: str | None = None,
) -> list[Image.Image]: ...
def corrupt(
    images: Any, name: str, severity: int, *, seed: int = 0, ids: Ids | None = None, table: str | None = None
) -> Any:
    """Corrupt one image, a batch or a list of images, and give back what came.

    The result is that of the published generators: clipped and truncated to 8 bits. Floating-point values are rounded
    to 8 bits first, and no gradient passes. What an image becomes is a function of (seed, its id, its pixels), the
    corruption and the table, and not of the batch that it is in.

    Args:
        images: A tensor (3, H, W) or (N, 3, H, W), an array (H, W, 3) or (N, H, W, 3), uint8 or floating point in
            [0, 1]; an RGB image of Pillow; or a list of single images, of any sizes. At least 32 pixels on each side.
        name: Name of a corruption, such as ``"fog"``; see ``robustsweep list corruptions``.
        severity: 1 to 5.
        seed: Seed of everything drawn; the same as that of a sweep.
        ids: One int64 per image, what its draws belong to; None: its position, as for the arrays of a sweep.
        table: Severity constants ``"cifar"``, ``"tiny"``, ``"imagenet"`` or ``"inception"``; None: by image size.

    Returns:
        Images of the type, dtype, shape and device that came; for a sequence a list.

    Raises:
        UsageError: If the corruption, the severity or the table is unknown.
        DataError: If the images have another form, or their ids do not fit.
        MissingDependencyError: If the corruption needs a package that is not installed.

    Examples:
        >>> import torch
        >>> from robustsweep import corrupt
        >>> images = torch.rand(8, 3, 32, 32)
        >>> foggy = corrupt(images, "fog", 3)
        >>> foggy.shape, foggy.dtype
        (torch.Size([8, 3, 32, 32]), torch.float32)
        >>> corrupt(images, "fogg", 3)
        Traceback (most recent call last):
            ...
        robustsweep.errors.UsageError: Unknown corruption 'fogg'; did you mean 'fog'? Known: gaussian_noise, ...
    """
    if not isinstance(images, list | tuple):
        opened = open_images(images)
        return opened.restored(_corrupted(opened.pixels, name, severity, seed, _ids(ids, len(opened.pixels)), table))
    several = [_single(image) for image in images]
    all_ids, results = _ids(ids, len(several)), [None] * len(several)
    by_size: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for position, one in enumerate(several):
        by_size[one.pixels.device, one.pixels.shape].append(position)
    for positions in by_size.values():
        pixels = torch.cat([several[position].pixels for position in positions])
        corrupted = _corrupted(pixels, name, severity, seed, all_ids[positions], table)
        for row, position in enumerate(positions):
            results[position] = several[position].restored(corrupted[row : row + 1])
    return results


def _single(image: object) -> OpenedImages:
    opened = open_images(image)
    if not opened.is_single:
        raise DataError("A list holds single images, got a batch in it; pass batches one at a time.")
    return opened


def _ids(ids: Ids | None, n: int) -> Tensor:
    if ids is None:
        return torch.arange(n)
    found = torch.as_tensor(ids).cpu()
    if found.is_floating_point() or found.dtype == torch.bool or found.numel() != n or found.ndim > 1:
        raise DataError(f"ids must be {n} whole numbers, one for each image, got {found.dtype} {tuple(found.shape)}.")
    return found.to(torch.int64).reshape(n)


def _corrupted(pixels: Tensor, name: str, severity: int, seed: int, ids: Tensor, table: str | None) -> Tensor:
    chosen = table or CORRUPTIONS[name].nearest_table(pixels.shape[2], pixels.shape[3])
    return corrupt_batch(pixels, name, severity, table=chosen, seed=seed, ids=ids)
