from typing import Literal

import pytest
import torch

from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.mixes.smoothmix_c import SmoothMixC
from robustsweep.augmentations.mixes.smoothmix_s import SmoothMixS
from robustsweep.augmentations.mixes.soft_cutout import SoftCutout
from robustsweep.draws import Draws


@pytest.mark.parametrize(("edge", "mixing"), [("gaussian", SmoothMixC()), ("linear", SmoothMixS())])
def test_it_is_smoothmix_with_a_partner_of_zeros(edge: Literal["gaussian", "linear"], mixing: MaskMethod) -> None:
    method = SoftCutout(edge)
    images = torch.randn(40, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    targets = torch.eye(40)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(40)))
    faded, kept = method.apply(images, targets, sample)
    assert kept is targets
    mask = mixing.mask(mixing.sample_shape(Draws(0, "augmentation/0", torch.arange(40))), 20, 32)
    assert torch.equal(faded, mask * images)
    assert (mask.amin((1, 2, 3)) == 0).all()
    assert mask.mean() < 0.9
