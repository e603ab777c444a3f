"""The fifteen corruptions of C-bar, ten of CIFAR-C-bar and ten of ImageNet-C-bar.

Source: Mintun, Kirillov and Xie, "On interaction between data augmentations and corruptions in natural corruption
robustness" (NeurIPS 2021), and its generator, whose quirks are kept: truncation instead of rounding (but for
``transverse_chromatic_abberation``), black beyond the border, no half-pixel offset, spectra that are not Hermitian,
the spelling of names. Constants are the generator's raw severities, numbers on a scale from 0 to 10; formulas turn
them into pixels and grey levels. Lengths follow the image's shorter side if the generator's follow its side. For
images that are not square, which the generator does not know, centres and coordinates span the actual height and width.

Differences from the authors' code: draws are independent per (seed, corruption, severity, image), while the published
files repeat theirs; a gradient of zero in ``perlin_noise`` stays zero instead of dividing by zero.
"""

from robustsweep.corruptions.cbar import (
    caustics,
    checkerboard,
    chromatic,
    circular,
    lenses,
    lines,
    perlin,
    plasma,
    sparkles,
    spectra,
    waves,
)

CIFAR = (
    spectra.BLUE_NOISE_SAMPLE,
    checkerboard.CHECKERBOARD_CUTOUT,
    sparkles.INVERSE_SPARKLES,
    lenses.PINCH_AND_TWIRL,
    lenses.RIPPLE,
    spectra.BROWNISH_NOISE,
    circular.CIRCULAR_MOTION_BLUR,
    lines.LINES,
    sparkles.SPARKLES,
    chromatic.TRANSVERSE_CHROMATIC_ABBERATION,
)
"""The ten of CIFAR-C-bar, in the order of its files."""

IMAGENET = (
    caustics.CAUSTIC_REFRACTION,
    sparkles.INVERSE_SPARKLES,
    sparkles.SPARKLES,
    perlin.PERLIN_NOISE,
    spectra.BLUE_NOISE_SAMPLE,
    plasma.PLASMA_NOISE,
    checkerboard.CHECKERBOARD_CUTOUT,
    waves.COCENTRIC_SINE_WAVES,
    waves.SINGLE_FREQUENCY_GREYSCALE,
    spectra.BROWNISH_NOISE,
)
"""The ten of ImageNet-C-bar, in the order of its files."""
