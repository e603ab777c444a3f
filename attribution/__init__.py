"""Attribution maps: which pixels a network's logit rests on, and what can be measured of that."""

from robustsweep.attribution.activation_maps import cam, gradcam
from robustsweep.attribution.catalogue import MAPS, saliency
from robustsweep.attribution.deletion_curves import deletion_and_insertion
from robustsweep.attribution.gradient_maps import integrated_gradients, smoothgrad
from robustsweep.attribution.guided_backprop import guided_backprop

__all__ = [
    "MAPS",
    "cam",
    "deletion_and_insertion",
    "gradcam",
    "guided_backprop",
    "integrated_gradients",
    "saliency",
    "smoothgrad",
]
