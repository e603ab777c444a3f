"""JPEG compression, bit for bit as libjpeg-turbo does it, without the entropy coding, which loses nothing."""

from functools import cache, lru_cache

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import Corruption, Fields, Parameters, severities
from robustsweep.corruptions.digital.chroma import doubled, extended, halved, luma_and_chroma, to_rgb, whole_blocks
from robustsweep.corruptions.digital.dct import forward_dct, inverse_dct
from robustsweep.corruptions.opencv import opencv_or_none
from robustsweep.errors import UsageError
from robustsweep.values import require_kind

# Tables K.1 and K.2 of the JPEG standard (ITU-T T.81), row by row.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
# Images of fewer pixels are faster together, in tensors, than one by one in a codec.
_SMALLEST_FOR_CODEC = 64 * 64


@lru_cache(maxsize=20)
def _quantisers(quality: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Scale the standard's tables to a quality as libjpeg does: int32 (8, 8, 1) each."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    scaled = (
        [min(max((step * percent + 50) // 100, 1), 255) for step in table] for table in (_LUMINANCE, _CHROMINANCE)
    )
    luminance, chrominance = (torch.tensor(table, dtype=torch.int32).view(8, 8, 1).to(device) for table in scaled)
    return luminance, chrominance


def _to_blocks(planes: Tensor) -> Tensor:
    """Rearrange planes (..., H, W) to (8, 8, B): row and column within the block, then the block."""
    height, width = planes.shape[-2:]
    blocks = planes.reshape(-1, height // 8, 8, width // 8, 8)
    return blocks.permute(2, 4, 0, 1, 3).reshape(8, 8, -1)


def _to_planes(blocks: Tensor, shape: torch.Size) -> Tensor:
    """Undo ``_to_blocks``."""
    height, width = shape[-2:]
    return blocks.view(8, 8, -1, height // 8, width // 8).permute(2, 3, 0, 4, 1).reshape(shape)


def _quantised(coefficients: Tensor, step: Tensor) -> Tensor:
    """Round coefficients (8 times the standard's) to multiples of the steps, halves away from zero, in place."""
    sign = coefficients >> 31
    magnitude = coefficients.bitwise_xor_(sign).sub_(sign).to(torch.float32)
    # The quarter keeps exact halves and multiples clear of rounding; all else is at least a quarter away.
    whole = magnitude.add_(4.0 * step + 0.25).mul_(1.0 / (8.0 * step)).to(torch.int32)
    return whole.bitwise_xor_(sign).sub_(sign).mul_(step)


def jpeg_round_trip(images: Tensor, quality: int) -> Tensor:
    """Compress images with JPEG and decode them again.

    Pillow's defaults: baseline, chroma at half resolution (4:2:0), the slow integer transforms, smooth upsampling. The
    pixels are those that Pillow gives with libjpeg-turbo. ImageNet-C's files went through this once more, at quality
    85, when they were saved.

    Args:
        images: uint8 tensor (N, 3, H, W), at least 6 pixels wide, on any device.
        quality: libjpeg's quality, an integer from 1 to 95.

    Returns:
        uint8 tensor of the same shape on the same device.

    Raises:
        UsageError: If the images are not uint8 of that shape or the quality is out of range.
    """
    require_kind(images, Tensor, "JPEG needs a tensor, uint8 (N, 3, H, W)")
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise UsageError(f"JPEG needs uint8 images of shape (N, 3, H, W), not {images.dtype} of {tuple(images.shape)}.")
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 95:
        raise UsageError(f"A JPEG quality is an integer from 1 to 95, not {quality!r}.")
    if not len(images):
        return images.clone()
    if images.device.type == "cpu" and images[0, 0].numel() >= _SMALLEST_FOR_CODEC and _codec_has_these_bits():
        return _through_codec(images, quality)
    return _in_tensors(images, quality)


def _in_tensors(images: Tensor, quality: int) -> Tensor:
    return _transformed(images, *_quantisers(quality, images.device))


def _transformed(images: Tensor, luminance: Tensor, chrominance: Tensor) -> Tensor:
    """Go through the transforms with the steps of luma and chroma, int32 (8, 8, 1) each."""
    height, width = images.shape[2:]
    luma, chroma = luma_and_chroma(images)
    luma, chroma = extended(luma, whole_blocks(height), whole_blocks(width)), halved(chroma)
    blocks = (_to_blocks(luma), _to_blocks(chroma))
    counts = [part.shape[2] for part in blocks]
    coefficients = torch.split(forward_dct(torch.cat(blocks, dim=2)), counts, dim=2)
    steps = (luminance, chrominance)
    kept = [_quantised(part.contiguous(), step) for part, step in zip(coefficients, steps, strict=True)]
    decoded = torch.split(inverse_dct(torch.cat(kept, dim=2)).clamp_(-128, 127), counts, dim=2)
    luma, chroma = _to_planes(decoded[0], luma.shape), _to_planes(decoded[1], chroma.shape)
    return to_rgb(luma.add_(128)[:, :height, :width], doubled(chroma, height, width))


@cache
def _codec_has_these_bits() -> bool:
    """Say whether OpenCV is there, and built with a libjpeg whose pixels are the ones computed here."""
    if opencv_or_none() is None:
        return False
    # Mixes of smooth and abrupt, at a size that is not a multiple of a block's.
    probe = (torch.arange(3 * 45 * 75) ** 2 // 7 % 256).to(torch.uint8).view(1, 3, 45, 75)
    return all(torch.equal(_through_codec(probe, quality), _in_tensors(probe, quality)) for quality in (10, 85))


def _through_codec(images: Tensor, quality: int) -> Tensor:
    cv2 = opencv_or_none()
    assert cv2 is not None, "asked for only if it is there"
    decoded = torch.empty_like(images)
    for (red, green, blue), out in zip(images.numpy(), decoded.numpy(), strict=True):
        _, file = cv2.imencode(".jpg", cv2.merge([blue, green, red]), [cv2.IMWRITE_JPEG_QUALITY, quality])
        cv2.split(cv2.imdecode(file, cv2.IMREAD_COLOR), [out[2], out[1], out[0]])
    return decoded


def _compress(images: Tensor, parameters: Parameters, fields: Fields) -> Tensor:
    (quality,) = parameters
    return jpeg_round_trip(images, int(quality))


JPEG_COMPRESSION = Corruption(
    name="jpeg_compression",
    apply=_compress,
    # quality
    severities=severities(
        cifar=(80, 65, 58, 50, 40),
        tiny=(65, 58, 50, 40, 25),
        imagenet=(25, 18, 15, 10, 7),
        inception=(23, 16, 13, 8, 5),
    ),
    source="Hendrycks and Dietterich (ICLR 2019), sec. 3; the pixels of libjpeg-turbo",
)
