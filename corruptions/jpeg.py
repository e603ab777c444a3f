"""JPEG compression by Pillow."""

import io

import numpy as np
import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.errors import UsageError


def jpeg_round_trip(images: Tensor, quality: int) -> Tensor:
    """Compress images with JPEG and decode them again.

    Pillow's defaults: baseline, chroma at half resolution (4:2:0). The pixels depend on the libjpeg that Pillow was
    built with. ImageNet-C's files went through this once more, at quality 85, when they were saved.

    Args:
        images: uint8 tensor (N, 3, H, W), on any device; the codec runs on the CPU.
        quality: libjpeg's quality, an integer from 1 to 95.

    Returns:
        uint8 tensor of the same shape on the same device.

    Raises:
        UsageError: If the images are not uint8 of that shape or the quality is out of range.
    """
    from PIL import Image

    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise UsageError(f"JPEG needs uint8 images of shape (N, 3, H, W), not {images.dtype} of {tuple(images.shape)}.")
    if not 1 <= quality <= 95:
        raise UsageError(f"A JPEG quality is an integer from 1 to 95, not {quality!r}.")
    pixels = images.permute(0, 2, 3, 1).cpu().contiguous().numpy()
    decoded = np.empty_like(pixels)
    for index, image in enumerate(pixels):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        decoded[index] = np.asarray(Image.open(file))
    return torch.from_numpy(decoded).permute(0, 3, 1, 2).contiguous().to(images.device)


def _compress(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (quality,) = parameters
    return jpeg_round_trip(images, int(quality))


JPEG_COMPRESSION = Corruption(
    name="jpeg_compression",
    group="digital",
    apply=_compress,
    # quality
    severities=severities(
        cifar=(80, 65, 58, 50, 40),
        tiny=(65, 58, 50, 40, 25),
        imagenet=(25, 18, 15, 10, 7),
        inception=(23, 16, 13, 8, 5),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3",
)
