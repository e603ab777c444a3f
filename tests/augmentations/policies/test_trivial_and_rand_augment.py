from typing import Any

import pytest
import torch
from photos import byte_images
from scipy.stats import chisquare
from torch import Tensor
from torchvision.transforms import InterpolationMode, autoaugment

from robustsweep.augmentations.policies.randaugment import RandAugment
from robustsweep.augmentations.policies.trivialaugment import TrivialAugment
from robustsweep.draws import Draws

SIGNED = {"ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness"}
NAMES = ["Identity", *sorted(SIGNED), "Posterize", "Solarize", "AutoContrast", "Equalize"]
SAFE = [name for name in NAMES if name not in ("Brightness", "Color", "Contrast", "Sharpness")]
IMAGES = byte_images(4, 20, 32)
WIDE = autoaugment.TrivialAugmentWide()._augmentation_space(31)
NARROW = autoaugment.RandAugment()._augmentation_space(31, (20, 32))


def oracle(image: Tensor, space: dict[str, Any], name: str, level: int, sign: int) -> Tensor:
    values, is_signed = space[name]
    magnitude = float(values[level]) if values.ndim else 0.0
    magnitude *= sign if is_signed else 1
    return autoaugment._apply_op(image, name, magnitude, InterpolationMode.NEAREST, None)


def drawn(method: TrivialAugment | RandAugment, n: int) -> Tensor:
    return method.sample(Draws(0, "augmentation/0", torch.arange(n)))


@pytest.mark.parametrize("sign", [-1, 1])
def test_trivialaugment_is_torchvisions_at_every_level_and_sign(sign: int) -> None:
    method, names = TrivialAugment(), list(WIDE)
    assert sorted(names) == sorted(NAMES)
    rows = [(number, level) for number in range(14) for level in range(31)]
    image = IMAGES[:1]
    sample = torch.tensor([[(n + 0.5) / 14, (level + 0.5) / 31, 0.75 if sign > 0 else 0.25] for n, level in rows])
    found = method.pixels(image.expand(len(rows), -1, -1, -1), sample.double())
    for (number, level), changed in zip(rows, found, strict=True):
        assert torch.equal(changed, oracle(image[0], WIDE, names[number], level, sign)), (names[number], level)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("level", [0, 9, 14, 30])
def test_randaugment_is_torchvisions_operation_by_operation(level: int, sign: int) -> None:
    names = list(NARROW)
    assert sorted(names) == sorted(NAMES)
    sample = torch.tensor([[(n + 0.5) / 14, 0.75 if sign > 0 else 0.25] for n in range(14)]).double()
    for image in IMAGES:
        found = RandAugment(1, level).pixels(image.expand(14, -1, -1, -1), sample)
        for name, changed in zip(names, found, strict=True):
            assert torch.equal(changed, oracle(image, NARROW, name, level, sign)), name


def test_operations_follow_one_another_in_the_order_of_their_draws() -> None:
    names, image = list(NARROW), IMAGES[0]
    first, second = names.index("Brightness"), names.index("Solarize")
    sample = torch.tensor([[(first + 0.5) / 14, 0.75, (second + 0.5) / 14, 0.75]]).double()
    wanted = oracle(oracle(image, NARROW, "Brightness", 20, 1), NARROW, "Solarize", 20, 1)
    assert torch.equal(RandAugment(2, 20).pixels(image[None], sample)[0], wanted)
    swapped = RandAugment(2, 20).pixels(image[None], sample[:, [2, 3, 0, 1]])[0]
    assert not torch.equal(swapped, wanted)


def test_no_operation_and_strength_zero_leave_images_as_they_are() -> None:
    assert torch.equal(RandAugment(0).pixels(IMAGES, drawn(RandAugment(0), len(IMAGES))), IMAGES)
    # Solarize at 0 turns white to black, and AutoContrast and Equalize have no strength.
    image = (IMAGES[:1] // 2 + 1).expand(14, -1, -1, -1)
    found = RandAugment(1, 0).pixels(image, torch.tensor([[(n + 0.5) / 14, 0.75] for n in range(14)]).double())
    changed = [name for name, same in zip(NARROW, (found == image).flatten(1).all(1), strict=True) if not same]
    assert set(changed) <= {"AutoContrast", "Equalize"}


def test_operations_levels_and_signs_are_uniform_and_a_known_share_stays_unchanged() -> None:
    method = TrivialAugment()
    sample = drawn(method, 20_000)
    for column, bins in ((0, 14), (1, 31), (2, 2)):
        assert chisquare(torch.bincount((sample[:, column] * bins).long(), minlength=bins)).pvalue > 1e-3
    # Noise without 0 and 255: one level of ten operations and three of posterize's change nothing, identity never does.
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(1, 255, (1, 3, 16, 16), dtype=torch.uint8, generator=generator)
    rows = torch.tensor([[(n + 0.5) / 14, (k + 0.5) / 31, 0.75] for n in range(14) for k in range(31)]).double()
    unchanged = (method.pixels(image.expand(len(rows), -1, -1, -1), rows) == image).flatten(1).all(1)
    assert float(unchanged.double().mean()) == pytest.approx((1 + 13 / 31) / 14)


@pytest.mark.parametrize("kind", [TrivialAugment, RandAugment])
def test_the_safe_form_draws_among_the_ten_others(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[str] = []

    def watched(images: Tensor, name: str, *rest: Any) -> Tensor:
        applied.extend([name] * len(images))
        return images

    monkeypatch.setattr(autoaugment, "_apply_op", watched)
    images = IMAGES[:1, :, :2, :2].expand(2_000, -1, -1, -1)
    method = kind(corruption_safe=True)
    method.pixels(images, drawn(method, len(images)))
    assert set(applied) == set(SAFE)
    assert chisquare([applied.count(name) for name in SAFE]).pvalue > 1e-3
    applied.clear()
    kind().pixels(images, drawn(kind(), len(images)))
    assert set(applied) == set(NAMES)


def test_shifts_are_32_pixels_at_any_size_or_a_share_of_the_side() -> None:
    names = list(WIDE)
    for name, side in (("TranslateX", 64), ("TranslateY", 48)):
        image = torch.full((1, 3, 48, 64), 200, dtype=torch.uint8)
        sample = torch.tensor([[(names.index(name) + 0.5) / 14, 30.5 / 31, 0.75]]).double()
        kept = [
            float((TrivialAugment(kind).pixels(image, sample) > 0).double().mean()) for kind in ("pixels", "fraction")
        ]
        assert kept == pytest.approx([1 - 32 / side, 0])
    square = IMAGES[:, :, :, :20].repeat(1, 1, 2, 2)[:, :, :32, :32]
    sample = drawn(TrivialAugment(), len(square))
    assert torch.equal(*(TrivialAugment(kind).pixels(square, sample) for kind in ("pixels", "fraction")))
