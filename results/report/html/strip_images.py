"""The pictures of strips as JPEG inside the page, as good as 300 kB for all of them allow."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from robustsweep.results.report.strips import Strip

MOST_BYTES = 300_000
"""All pictures of a page together, as its text holds them."""
# Images per corruption, longer side in pixels, JPEG quality: from the best to the smallest.
_STEPS = (
    *((2, 96, quality) for quality in (90, 75, 60)),
    *((2, 64, quality) for quality in (80, 70, 60, 45)),
    *((1, 96, quality) for quality in (60, 45)),
    *((1, 64, quality) for quality in (45, 30)),
    (1, 32, 40),
)
_SMALL = 48


def strip_images(strips: Sequence[Strip]) -> Mapping[Strip, str]:
    """Encode strips, each as one image with its pictures side by side.

    Quality, size and the second image of each corruption are given up, in this order, until all fit; if nothing of
    that suffices, the last strips are left out.

    Args:
        strips: Those of all sections.

    Returns:
        ``data:`` URIs of together 300 kB at most, by strip.
    """
    found: dict[Strip, str] = {}
    for n_images, side, quality in _STEPS:
        found = {strip: _encoded(strip, side, quality) for strip in strips if strip.place < n_images}
        if sum(map(len, found.values())) <= MOST_BYTES:
            return found
    ends = np.cumsum([len(uri) for uri in found.values()])
    return dict(list(found.items())[: int((ends <= MOST_BYTES).sum())])


def _encoded(strip: Strip, side: int, quality: int) -> str:
    height, width, _ = strip.pixels[0].shape
    scale = min(1.0, side / max(height, width))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    whole = Image.new("RGB", (size[0] * len(strip.pixels), size[1]))
    for place, pixels in enumerate(strip.pixels):
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        whole.paste(picture if picture.size == size else picture.resize(size), (place * size[0], 0))
    file = io.BytesIO()
    # Colours of small pictures at full resolution: they have edges of colour everywhere.
    subsampling = "4:2:0" if max(size) > _SMALL else "4:4:4"
    whole.save(file, "JPEG", quality=quality, optimize=True, subsampling=subsampling)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
