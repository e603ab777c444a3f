"""torchvision's operations of its policies on byte images, and their magnitudes.

Images that get the same operation with the same magnitude go together, since torchvision takes one magnitude a call.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from robustsweep.errors import MissingDependencyError

OVERLAPPING = ("Brightness", "Color", "Contrast", "Sharpness")
"""Those that overlap the corruptions in ``tones.OVERLAPPED``."""

Applied = tuple[str, float]
"""An operation and its magnitude, with its sign."""


def policy_class(name: str) -> Any:
    """Return one of torchvision's transforms by the name of its class.

    Raises:
        MissingDependencyError: If there is no torchvision.
    """
    try:
        from torchvision.transforms import autoaugment
    except ImportError as error:
        raise MissingDependencyError("Policies of operations need torchvision; install it.") from error
    return getattr(autoaugment, name)


def magnitudes_of(space: dict[str, tuple[Tensor, bool]]) -> dict[str, tuple[list[float], bool]]:
    """Return the magnitudes of torchvision's operations by level, one if there are none, and whether signs count."""
    return {name: (values.reshape(-1).tolist(), is_signed) for name, (values, is_signed) in space.items()}


def magnitude(values: list[float], is_signed: bool, level: int, sign: float) -> float:
    """Return the magnitude of a level; of signed operations a drawn number below one half makes it negative."""
    value = values[level] if len(values) > 1 else 0.0
    return -value if is_signed and sign < 0.5 else value


def operate(images: Tensor, chosen: Iterable[Applied | None]) -> Tensor:
    """Apply to each image its operation.

    Args:
        images: uint8, shape (N, C, H, W); left as they are.
        chosen: One for each image; None: it stays as it is.

    Returns:
        uint8, of the same shape: nearest neighbours in maps, and black outside.
    """
    from torchvision.transforms.autoaugment import _apply_op
    from torchvision.transforms.functional import InterpolationMode

    images, rows_of = images.clone(), dict[Applied, list[int]]()
    for row, applied in enumerate(chosen):
        if applied is not None:
            rows_of.setdefault(applied, []).append(row)
    for (name, value), rows in rows_of.items():
        index = torch.tensor(rows, device=images.device)
        images[index] = _apply_op(images[index], name, value, InterpolationMode.NEAREST, None)
    return images
