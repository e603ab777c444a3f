"""The ten perturbations of CIFAR-P: sequences of frames that differ little from one another.

Source: Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations"
(ICLR 2019), section 5, and the generator of CIFAR-P. The ten are those of its evaluation script.
"""

from collections.abc import Mapping

from robustsweep.corruptions.sequences import blurs, light, noises, warps
from robustsweep.corruptions.sequences.perturbation import Perturbation

PERTURBATIONS: Mapping[str, Perturbation] = {
    one.name: one
    for one in (
        noises.GAUSSIAN_NOISE,
        noises.SHOT_NOISE,
        blurs.MOTION_BLUR,
        blurs.ZOOM_BLUR,
        light.SPATTER,
        light.BRIGHTNESS,
        warps.TRANSLATE,
        warps.ROTATE,
        warps.TILT,
        warps.SCALE,
    )
}
"""The perturbations by name, in the order of tables."""

__all__ = ["PERTURBATIONS", "Perturbation"]
