"""The forms in which users hold images, and the way to uint8 batches and back."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from robustsweep.errors import DataError
from robustsweep.values import require_kind

FORMS = "a tensor (3, H, W) or (N, 3, H, W), an array (H, W, 3) or (N, H, W, 3), or an RGB image of Pillow"
_TOLERANCE = 1e-6
_DTYPES = ("uint8", "float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class OpenedImages:
    """Images that were read from a user's form.

    Attributes:
        pixels: uint8, shape (N, 3, H, W), on the device that they came on.
        is_single: Whether there was no dimension for the batch.
        restored: Gives pixels of this shape the form, dtype and device that came.
    """

    pixels: Tensor
    is_single: bool
    restored: Callable[[Tensor], Any]


def open_images(images: object) -> OpenedImages:
    """Read one image, or a batch of one size.

    Values in [0, 1] are rounded to the nearest of 256 levels; what is written back is a multiple of 1/255.

    Args:
        images: See ``FORMS``. Tensors and arrays hold uint8, or floating-point values in [0, 1].

    Raises:
        DataError: If they have another form, dtype, shape or range.
    """
    if isinstance(images, Tensor):
        return _from_tensor(images)
    if isinstance(images, np.ndarray):
        return _from_array(images)
    require_kind(images, Image.Image, f"Images must be {FORMS}", error=DataError)
    assert isinstance(images, Image.Image)
    return _from_pillow(images)


def _from_tensor(images: Tensor) -> OpenedImages:
    channels = images.ndim - 3
    if images.ndim not in (3, 4) or images.shape[channels] != 3:
        hint = "permute moves the channels there" if images.shape[-1:] == (3,) else _hint(images.shape, channels)
        raise DataError(f"Tensors of images are (3, H, W) or (N, 3, H, W), got {tuple(images.shape)}; {hint}.")
    kind, dtype = type(images), images.dtype
    plain = images.detach().as_subclass(Tensor)
    is_single = images.ndim == 3

    def restored(pixels: Tensor) -> Tensor:
        values = _as_dtype(pixels[0] if is_single else pixels, dtype)
        return values.as_subclass(kind) if kind.__module__.startswith("torchvision.") else values

    return OpenedImages(to_levels(plain.unsqueeze(0) if is_single else plain), is_single, restored)


def _from_array(images: npt.NDArray[Any]) -> OpenedImages:
    if images.ndim not in (3, 4) or images.shape[-1] != 3:
        hint = "transpose moves the channels there" if 3 in images.shape[:2] else _hint(images.shape, -1)
        raise DataError(f"Arrays of images are (H, W, 3) or (N, H, W, 3), got {images.shape}; {hint}.")
    if images.dtype.name not in _DTYPES:
        raise _unknown_dtype(images.dtype.name)
    # PyTorch takes neither negative strides nor another byte order, and warns of what it may not write to.
    tensor = torch.from_numpy(np.array(images, images.dtype.newbyteorder("="), order="C"))
    is_single = images.ndim == 3

    def restored(pixels: Tensor) -> npt.NDArray[Any]:
        values = _as_dtype(pixels, tensor.dtype).permute(0, 2, 3, 1).contiguous().numpy()
        return np.asarray(values[0] if is_single else values)

    batch = tensor.unsqueeze(0) if is_single else tensor
    return OpenedImages(to_levels(batch.permute(0, 3, 1, 2)), is_single, restored)


def _from_pillow(image: Image.Image) -> OpenedImages:
    if image.mode != "RGB":
        raise DataError(f"An image of Pillow must have the mode RGB, got {image.mode}; call image.convert('RGB').")
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).unsqueeze(0)
    return OpenedImages(pixels, True, lambda found: Image.fromarray(found[0].permute(1, 2, 0).contiguous().numpy()))


def _hint(shape: Sequence[int], channels: int) -> str:
    is_grey = len(shape) in (3, 4) and shape[channels] == 1
    return "repeat the channel of grey images three times" if is_grey else "three channels hold red, green and blue"


def _unknown_dtype(name: str) -> DataError:
    return DataError(f"Images must hold uint8, or floating-point values in [0, 1], got {name}; convert them.")


def to_levels(values: Tensor) -> Tensor:
    """Return images as uint8.

    Args:
        values: uint8, or floating point in [0, 1] to within 1e-6.

    Raises:
        DataError: If they are neither.
    """
    if values.dtype == torch.uint8:
        return values
    if not values.is_floating_point() or str(values.dtype).removeprefix("torch.") not in _DTYPES:
        raise _unknown_dtype(str(values.dtype).removeprefix("torch."))
    low, high = (float(value) for value in torch.aminmax(values)) if values.numel() else (0.0, 1.0)
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
        raise DataError(
            f"Floating-point images must lie in [0, 1], they span {low:.4g} to {high:.4g}; divide levels by 255, and "
            "leave the normalisation to the network, or undo it."
        )
    exact = values if values.dtype == torch.float64 else values.float()
    return exact.mul(255.0).round().clamp(0.0, 255.0).to(torch.uint8)


def _as_dtype(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    if dtype == torch.uint8:
        return pixels
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    return pixels.to(exact).div(255.0).to(dtype)


def content_ids(pixels: Tensor) -> Tensor:
    """Return ids that belong to what images show, wherever and in whatever order they come.

    Args:
        pixels: uint8, shape (N, 3, H, W), on any device.

    Returns:
        int64, shape (N,), on the CPU: 64 bits of a hash of each image's pixels.
    """
    images = np.ascontiguousarray(pixels.cpu().numpy())
    digests = b"".join(hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images)
    return torch.from_numpy(np.frombuffer(digests, "<i8").astype(np.int64))
