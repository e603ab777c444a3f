from typing import Any

import pytest
import torch
from photos import byte_images
from torchvision.transforms import autoaugment
from torchvision.transforms.autoaugment import AutoAugmentPolicy

from robustsweep.augmentations.policies.autoaugment import AutoAugment, _policy
from robustsweep.draws import Draws

IMAGES = byte_images(56)
N = len(IMAGES)
POLICIES: Any = pytest.mark.parametrize("policy", ["cifar10", "imagenet", "svhn"])


def drawn(method: AutoAugment) -> torch.Tensor:
    return method.sample(Draws(0, "augmentation/0", torch.arange(N)))


@POLICIES
def test_images_are_those_of_torchvision_given_the_same_draws(policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    method, oracle = AutoAugment(policy), autoaugment.AutoAugment(AutoAugmentPolicy(policy))
    sample = drawn(method)
    found = method.pixels(IMAGES, sample)
    for image, changed, row in zip(IMAGES, found, sample, strict=True):
        drawn_by_oracle = int(row[0] * 25), row[1:3], (row[3:5] >= 0.5).long()
        monkeypatch.setattr(oracle, "get_params", lambda count, drawn=drawn_by_oracle: drawn)
        assert torch.equal(changed, oracle(image))
    assert (found != IMAGES).flatten(1).any(1).sum() > N / 2


@POLICIES
def test_a_policy_has_25_pairs_of_probabilities_and_levels(policy: str) -> None:
    pairs = _policy(policy)
    assert len(pairs) == 25
    for pair in pairs:
        assert len(pair) == 2
        for _, probability, level in pair:
            assert 0 <= probability <= 1
            assert level is None or 0 <= level <= 9


def test_no_operation_fires_whose_chance_is_missed() -> None:
    method = AutoAugment()
    sample = drawn(method)
    sample[:, 1:3] = 1 - 2.0**-32
    assert torch.equal(method.pixels(IMAGES, sample), IMAGES)


@POLICIES
def test_what_overlaps_the_corruptions_can_be_left_out(policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = []
    operate = autoaugment._apply_op

    def watched(images: Any, name: str, *rest: Any) -> Any:
        applied.append(name)
        return operate(images, name, *rest)

    monkeypatch.setattr(autoaugment, "_apply_op", watched)
    sample = drawn(AutoAugment(policy))
    sample[:, 1:3] = 0
    AutoAugment(policy, corruption_safe=True).pixels(IMAGES, sample)
    assert set(applied).isdisjoint(AutoAugment.overlapping_operations)
    assert applied
    AutoAugment(policy).pixels(IMAGES, sample)
    assert not set(applied).isdisjoint(AutoAugment.overlapping_operations)


def test_an_operation_of_probability_zero_never_fires() -> None:
    """The 15th pair for CIFAR-10 ends with one."""
    method = AutoAugment()
    sample = drawn(method)
    sample[:, 0], sample[:, 1:3] = 14.5 / 25, 0
    assert _policy("cifar10")[14][1][:2] == ("Invert", 0.0)
    solarized = method.pixels(IMAGES, sample)
    threshold = 255 - 2 * 255 / 9
    assert torch.equal(solarized, torch.where(threshold <= IMAGES, 255 - IMAGES, IMAGES))
