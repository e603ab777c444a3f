from typing import Any, Literal

import pytest
import torch

from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.mixes.smoothmix_c import SmoothMixC
from robustsweep.augmentations.mixes.smoothmix_s import SmoothMixS
from robustsweep.augmentations.mixes.soft_cutout import SoftCutout
from robustsweep.draws import Draws
from robustsweep.errors import UsageError


@pytest.mark.parametrize(
    ("edge", "parameters", "mixing"),
    [
        ("gaussian", {}, SmoothMixC()),
        ("linear", {}, SmoothMixS()),
        ("gaussian", {"sigma_low": 0.1, "sigma_high": 0.2}, SmoothMixC(sigma_low=0.1, sigma_high=0.2)),
        ("linear", {"border_ratio": 0.9}, SmoothMixS(border_ratio=0.9)),
    ],
)
def test_it_is_smoothmix_with_a_partner_of_zeros(
    edge: Literal["gaussian", "linear"], parameters: dict[str, float], mixing: MaskMethod
) -> None:
    method = SoftCutout(edge, **parameters)
    images = torch.randn(40, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    targets = torch.eye(40)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(40)))
    faded, kept = method.apply(images, targets, sample)
    assert kept is targets
    mask = mixing.mask(mixing.sample_shape(Draws(0, "augmentation/0", torch.arange(40))), 20, 32)
    assert torch.equal(faded, mask * images)
    assert (mask.amin((1, 2, 3)) == 0).all()
    assert mask.mean() < 0.9


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"border_ratio": 0.3}, "border_ratio must be left alone with edge='gaussian'"),
        ({"edge": "linear", "sigma_low": 0.3}, "sigma_low must be left alone with edge='linear'"),
        ({"sigma_high": 0.1}, "sigma_high must be at least sigma_low"),
    ],
)
def test_numbers_that_its_edge_does_not_have_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SoftCutout(**parameters)
