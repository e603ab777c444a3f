"""The 19 common corruptions, batched, with their severity tables.

Source: Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations"
(ICLR 2019), and its generator scripts, whose quirks are kept: truncation instead of rounding, defocus kernels that do
not sum to one, red greys in saturate, a glass blur that copies instead of swapping, five of six frost textures.
"""

from robustsweep.corruptions import noise
from robustsweep.corruptions.blur import defocus, gaussian, glass, motion, zoom
from robustsweep.corruptions.corruption import CORRUPTIONS, Corruption
from robustsweep.corruptions.digital import colour, elastic, jpeg, pixelate
from robustsweep.corruptions.digital.jpeg import jpeg_round_trip
from robustsweep.corruptions.generation import corrupt
from robustsweep.corruptions.tables import SEVERITIES, TABLES, SeverityTable, table_for
from robustsweep.corruptions.weather import fog, frost, snow, spatter

_IN_CANONICAL_ORDER = (
    noise.GAUSSIAN_NOISE,
    noise.SHOT_NOISE,
    noise.IMPULSE_NOISE,
    defocus.DEFOCUS_BLUR,
    glass.GLASS_BLUR,
    motion.MOTION_BLUR,
    zoom.ZOOM_BLUR,
    snow.SNOW,
    frost.FROST,
    fog.FOG,
    colour.BRIGHTNESS,
    colour.CONTRAST,
    elastic.ELASTIC_TRANSFORM,
    pixelate.PIXELATE,
    jpeg.JPEG_COMPRESSION,
    noise.SPECKLE_NOISE,
    gaussian.GAUSSIAN_BLUR,
    spatter.SPATTER,
    colour.SATURATE,
)
for _corruption in _IN_CANONICAL_ORDER:
    CORRUPTIONS.add(_corruption.name, _corruption)

COMMON = tuple(corruption.name for corruption in _IN_CANONICAL_ORDER if not corruption.extra)
EXTRA = tuple(corruption.name for corruption in _IN_CANONICAL_ORDER if corruption.extra)

__all__ = [
    "COMMON",
    "CORRUPTIONS",
    "EXTRA",
    "SEVERITIES",
    "TABLES",
    "Corruption",
    "SeverityTable",
    "corrupt",
    "jpeg_round_trip",
    "table_for",
]
