"""The 19 common corruptions and the 15 of C-bar, batched, with their severity tables.

Source: Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations"
(ICLR 2019), and its generator scripts, whose quirks are kept: truncation instead of rounding, defocus kernels that do
not sum to one, red greys in saturate, a glass blur that copies instead of swapping, five of six frost textures.
"""

from robustsweep.corruptions import cbar, noise
from robustsweep.corruptions.blur import defocus, gaussian, glass, motion, zoom
from robustsweep.corruptions.corruption import CORRUPTIONS, Corruption
from robustsweep.corruptions.digital import colour, elastic, jpeg, pixelate
from robustsweep.corruptions.digital.jpeg import jpeg_round_trip
from robustsweep.corruptions.generation import corrupt_batch
from robustsweep.corruptions.tables import SEVERITIES, TABLES, SeverityTable, table_for
from robustsweep.corruptions.weather import fog, frost, snow, spatter


def _registered(*corruptions: Corruption) -> tuple[str, ...]:
    return tuple(CORRUPTIONS.add(corruption.name, corruption).name for corruption in corruptions)


COMMON = _registered(
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
)
"""The fifteen of the benchmark, in its order; the suites and every mean have exactly these."""

EXTRA = _registered(noise.SPECKLE_NOISE, gaussian.GAUSSIAN_BLUR, spatter.SPATTER, colour.SATURATE)
"""The four that its authors keep for validation. A corruption that is in neither is registered beside them."""

_registered(*{corruption.name: corruption for corruption in (*cbar.CIFAR, *cbar.IMAGENET)}.values())
CIFAR_C_BAR = tuple(corruption.name for corruption in cbar.CIFAR)
IMAGENET_C_BAR = tuple(corruption.name for corruption in cbar.IMAGENET)
"""The ten of each C-bar, which never enter a mean over the fifteen."""

__all__ = [
    "CIFAR_C_BAR",
    "COMMON",
    "CORRUPTIONS",
    "EXTRA",
    "IMAGENET_C_BAR",
    "SEVERITIES",
    "TABLES",
    "Corruption",
    "SeverityTable",
    "corrupt_batch",
    "jpeg_round_trip",
    "table_for",
]
