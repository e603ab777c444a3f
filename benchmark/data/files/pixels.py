"""Decoding of image files and the preprocessing before [0, 1]."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError, features

from robustsweep.benchmark.data.files.pillow_warnings import pillow_unheard
from robustsweep.benchmark.data.files.trees import FileTree
from robustsweep.errors import DataError
from robustsweep.untrusted.growth import check_growth

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    **({"JPEG2000": (".jp2", ".j2k", ".jpx")} if features.check("jpg_2000") else {}),
    **({"AVIF": (".avif",)} if features.check("avif") else {}),
}
# Pillow knows more: PostScript, which it hands to another program, and formats that it does not tell apart safely.
_FORMATS = tuple(_SUFFIXES)
IMAGE_SUFFIXES = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
"""Which files are images; of what kind they are their content says."""
JPEG_SUFFIXES = _SUFFIXES["JPEG"]
_CONVERTIBLE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
_FREE_IMAGE_BYTES = 48 << 20
"""An image of 16 million pixels, which may be as small on disk as it likes: several threads decode one each."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resize the shorter side (bilinear, antialiased, as Pillow does), then crop the centre.

    Attributes:
        resize: Length of the shorter side in pixels; None: not resized.
        crop: Side of the centre crop in pixels; None: not cropped.
    """

    resize: int | None = None
    crop: int | None = None

    def __str__(self) -> str:
        steps = []
        if self.resize is not None:
            steps.append(f"resize {self.resize} bilinear antialiased")
        if self.crop is not None:
            steps.append(f"centre crop {self.crop}")
        return ", ".join(steps) or "none"

    def apply(self, image: Image.Image) -> Image.Image:
        """Preprocess one RGB image.

        Raises:
            DataError: If it is smaller than the crop, which would pad it with black.
        """
        if self.resize is None and self.crop is None:
            return image
        # torchvision takes seconds to import, and most data sets need none of this.
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.v2 import functional

        if self.resize is not None:
            image = functional.resize(image, [self.resize], InterpolationMode.BILINEAR, antialias=True)
        if self.crop is not None:
            if min(image.size) < self.crop:
                raise DataError(f"it is {image.width}x{image.height}, smaller than crop={self.crop}; add resize=")
            image = functional.center_crop(image, [self.crop, self.crop])
        return image


def codec() -> str:
    """Name the JPEG decoder, which can change pixels by a level, for the cell key."""
    turbo = features.version_feature("libjpeg_turbo")
    return f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version_codec('jpg')}"


def decode(content: bytes, name: str, preprocessing: Preprocessing) -> torch.Tensor:
    """Decode one image file to RGB and preprocess it.

    Greyscale, palette and CMYK files are converted by Pillow; transparency is dropped, colour profiles and EXIF
    orientation are not applied. Of several frames or pages the first is taken, of 16 bits of a colour the upper 8; grey
    of 16 bits is refused, as such files use a part of their range.

    Args:
        content: The file.
        name: What to call it in an error.
        preprocessing: What to do after decoding.

    Returns:
        uint8 tensor of shape (3, H, W).

    Raises:
        DataError: If the file is not an image, is truncated, has a mode without a conversion to RGB, or has far more
            pixels than its size accounts for.
    """
    try:
        with pillow_unheard(), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            check_mode(image)
            _check_size(image, len(content))
            pixels = np.array(preprocessing.apply(as_rgb(image)))
    except DataError as error:
        raise DataError(f"{name} does not fit: {str(error).rstrip('.')}.") from None
    except UnidentifiedImageError:
        raise DataError(f"{name} is not an image ({', '.join(_FORMATS)}); replace or remove the file.") from None
    except Exception as error:  # a damaged file can raise anything
        raise DataError(f"{name} cannot be decoded ({error}); replace or remove the file.") from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def check_mode(image: Image.Image) -> None:
    """Refuse an image that has no sure way to RGB.

    Raises:
        DataError: Naming Pillow's mode.
    """
    if image.mode not in _CONVERTIBLE_MODES:
        raise DataError(f"it has Pillow's mode {image.mode!r}; convert it to 8-bit RGB")


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of a checked mode to RGB as ``decode`` does; transparency is dropped."""
    # Pillow warns where a palette's transparency is dropped in one go.
    full = image.convert("RGBA") if "transparency" in image.info else image
    return full if full.mode == "RGB" else full.convert("RGB")


def _check_size(image: Image.Image, n_bytes: int) -> None:
    """Refuse an image of too many pixels before they are decoded."""
    n_pixels, most = image.width * image.height, Image.MAX_IMAGE_PIXELS
    if most is not None and n_pixels > most:
        raise DataError(f"it has {image.width}x{image.height} pixels, more than the {most} that are decoded; resize it")
    check_growth("it", n_bytes, 3 * n_pixels, "resize it", _FREE_IMAGE_BYTES)


def decode_many(
    tree: FileTree,
    names: list[str],
    *,
    size: tuple[int, int],
    preprocessing: Preprocessing,
    workers: int,
    advice: str,
) -> torch.Tensor:
    """Read and decode images of one size, several at a time.

    Args:
        tree: The files.
        names: What to read.
        size: Height and width that every image must have after preprocessing.
        preprocessing: What to do after decoding.
        workers: Threads.
        advice: How to fix an image of another size.

    Returns:
        uint8 tensor of shape (n, 3, H, W).

    Raises:
        DataError: If one cannot be decoded, or has another size.
    """
    # Threads do not share the caller's inference mode, and may not fill a tensor that was made in it.
    images = np.empty((len(names), 3, *size), dtype=np.uint8)

    def fill(row: int) -> None:
        place = tree.place(names[row])
        image = decode(tree.read(names[row]), place, preprocessing)
        if image.shape[1:] != size:
            raise DataError(
                f"{place} is {image.shape[2]}x{image.shape[1]}, the first image is {size[1]}x{size[0]}; {advice}."
            )
        images[row] = image.numpy()

    with ThreadPoolExecutor(max_workers=workers) as pool:
        for _ in pool.map(fill, range(len(names))):
            pass
    return torch.from_numpy(images)
