import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.choice import Choice
from robustsweep.augmentations.mixes.mixing import MaskMethod, MixingMethod, mix, pair
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.draws import Draws

MIXING = [name for name in METHODS if issubclass(METHODS[name], MixingMethod)]
CHOOSING = [name for name in METHODS if issubclass(METHODS[name], Choice)]
# Masks that are no product of a vertical and a horizontal profile.
SHAPELESS = ("fmix",)
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in MIXING),
    *((name, {"per_batch": True}) for name in MIXING),
    ("fmix", {"max_soft": 0.2}),
    ("resizemix", {"interpolation": "bilinear"}),
    ("saliencymix", {"border": "clip"}),
    ("cutmix", {"alpha": 0.4}),
    ("mixup", {"alpha": 0.2}),
    ("mixup", {"probability": 0.5}),
    ("smoothmix_s", {"size_law": "cutmix"}),
    ("smoothmix_s", {"border_position": "inside", "border_ratio": 0.5}),
    ("smoothmix_s", {"border_position": "centre", "border_reference": "side"}),
]


def mixing(name: str, **parameters: Any) -> Any:
    method = build_method(name, **parameters)
    assert isinstance(method, MixingMethod)
    return method


def drawn(n: int, seed: int = 0) -> Draws:
    return Draws(seed, "augmentation/0", torch.arange(n))


def noise(n: int, height: int, width: int) -> Tensor:
    return torch.randn(n, 3, height, width, generator=torch.Generator().manual_seed(2))


def masks(method: MixingMethod, n: int, height: int = 32, width: int = 32) -> Tensor:
    return method.blend(method.sample_shape(drawn(n)), noise(n, height, width))[0]


def test_all_mixing_methods_are_under_test() -> None:
    assert set(MIXING) >= {"cutmix", "mixup", "smoothmix_c", "smoothmix_s", "saliencymix", "resizemix", "fmix"}
    assert set(CHOOSING) >= {"choice", "randommix"}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [*VARIANTS, *((name, {"per_sample": each}) for name in CHOOSING for each in (False, True))],
)
@pytest.mark.parametrize("size", [(32, 32), (20, 33)])
def test_the_label_weight_is_the_share_of_pixels(name: str, parameters: dict[str, Any], size: tuple[int, int]) -> None:
    """Half the batch is white with label a, half black with label b: the image's mean must be a's weight."""
    n = 64
    method = build_method(name, **parameters)
    is_a = torch.arange(n) < n // 2
    images = is_a.float().view(n, 1, 1, 1).expand(n, 3, *size)
    targets = torch.stack([is_a.float(), 1 - is_a.float()], dim=1)
    mixed, weights = method.apply(images, targets, method.sample(drawn(n)))
    assert torch.allclose(mixed.mean((1, 2, 3), dtype=torch.float64).float(), weights[:, 0], atol=1e-6)
    assert ((weights[:, 0] > 0.01) & (weights[:, 0] < 0.99)).sum() > 10


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_masks_lie_in_the_unit_interval_and_most_are_products(name: str, parameters: dict[str, Any]) -> None:
    mask = masks(mixing(name, **parameters), 256, 24, 32)
    assert mask.shape == (256, 1, 24, 32)
    assert mask.dtype == torch.float32
    assert mask.min() >= 0
    assert mask.max() <= 1
    if name in SHAPELESS:
        return
    window = 1 - mask.double()
    second = torch.linalg.svdvals(window)[..., 1]
    assert second.max() < 1e-5


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
@pytest.mark.parametrize("size", [(32, 32), (20, 33)])
def test_images_are_mixed_by_the_mask_that_was_built(
    name: str, parameters: dict[str, Any], size: tuple[int, int]
) -> None:
    """A transcription of the rule, image by image, from what ``blend`` gives for it alone."""
    n = 12
    method, images, targets = mixing(name, **parameters), noise(12, *size), torch.eye(12)
    sample = method.sample(drawn(n))
    mixed, weights = method.apply(images, targets, sample)
    order = sorted(range(n), key=lambda row: float(sample[row, 0]))
    for row, partner in enumerate(order):
        used = 0 if method.per_batch else row
        source = images[order[used]] if name == "saliencymix" else images[partner]
        mask, _ = method.blend(sample[used : used + 1, 2:], source.unsqueeze(0))
        _, pasted = method.blend(sample[used : used + 1, 2:], images[partner : partner + 1])
        if sample[used, 1] >= method.probability:
            mask = torch.ones_like(mask)
        wanted = mask[0] * images[row] + (1 - mask[0]) * pasted[0]
        own = float(mask.double().mean())
        assert torch.allclose(mixed[row], wanted, atol=1e-5)
        assert torch.allclose(weights[row], own * targets[row] + (1 - own) * targets[partner], atol=1e-5)


@pytest.mark.parametrize("name", MIXING)
def test_a_batch_of_one_draw_is_mixed_as_a_whole_or_not_at_all(name: str) -> None:
    method, n = mixing(name, per_batch=True, probability=0.5), 16
    mixed_batches = 0
    for seed in range(24):
        _, targets = method.apply(noise(n, 32, 32), torch.eye(n), method.sample(drawn(n, seed)))
        own = targets.diagonal()[targets.diagonal() < 1]
        assert len(own) == 0 or len(own.unique()) == 1
        mixed_batches += len(own) > 0
    assert 4 <= mixed_batches <= 20


@pytest.mark.parametrize("name", [name for name in MIXING if issubclass(METHODS[name], MaskMethod)])
def test_exchanging_image_and_partner_under_the_complement_changes_nothing(name: str) -> None:
    mask = masks(mixing(name), 16)
    a, b = torch.randn(2, 16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    one, two = torch.eye(2).unsqueeze(1).expand(2, 16, 2)
    partners = torch.arange(32).roll(16)
    forward = mix(torch.cat([a, b]), torch.cat([one, two]), partners, torch.cat([mask, mask]))
    backward = mix(torch.cat([b, a]), torch.cat([two, one]), partners, torch.cat([1 - mask, 1 - mask]))
    assert torch.allclose(forward[0][:16], backward[0][:16], atol=1e-5)
    assert torch.allclose(forward[1][:16], backward[1][:16], atol=1e-5)


def test_pixels_under_a_hard_mask_are_copied_bit_for_bit() -> None:
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 1, 8, 8)
    mask[:, :, 2:5, 3:7] = 0
    mixed, targets = mix(images, torch.eye(2), torch.tensor([1, 0]), mask)
    expected = images.clone()
    expected[:, :, 2:5, 3:7] = images.flip(0)[:, :, 2:5, 3:7]
    assert torch.equal(mixed, expected)
    assert targets[0].tolist() == [1 - 12 / 64, 12 / 64]


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 8, 8\)"):
        mix(torch.zeros(2, 3, 8, 8), torch.eye(2), torch.tensor([1, 0]), torch.ones(2, 1, 8, 1))


def test_pairs_are_uniform_permutations() -> None:
    keys = Draws(0, "keys", torch.arange(4000)).uniform(5)
    partners = torch.stack([pair(row) for row in keys])
    assert torch.equal(partners.sort(1).values, torch.arange(5).expand(4000, 5))
    share = torch.nn.functional.one_hot(partners, 5).double().mean(0)
    assert (share - 0.2).abs().max() < 4 * math.sqrt(0.2 * 0.8 / 4000)


@pytest.mark.parametrize("name", MIXING)
def test_the_probability_is_the_share_of_images_that_are_mixed(name: str) -> None:
    n = 600
    method = mixing(name, probability=0.3)
    _, targets = method.apply(torch.zeros(n, 1, 32, 32), torch.eye(n), method.sample(drawn(n)))
    share = (targets.diagonal() < 1).double().mean()
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / n)


def test_mixup_is_affine_and_keeps_an_image_mixed_with_itself() -> None:
    method = mixing("mixup")
    images, targets = torch.randn(32, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.eye(32)
    sample = method.sample(drawn(32))
    mixed, weights = method.apply(images, targets, sample)
    assert torch.allclose(mixed, torch.einsum("ij,jchw->ichw", weights, images), atol=1e-5)
    shifted, _ = method.apply(2 * images + 1, targets, sample)
    assert torch.allclose(shifted, 2 * mixed + 1, atol=1e-5)
    same, _ = method.apply(images[:1].expand(32, -1, -1, -1), targets, sample)
    assert torch.allclose(same, images[:1].expand(32, -1, -1, -1), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 2.0])
def test_beta_draws_have_the_moments_of_the_distribution(alpha: float) -> None:
    values = symmetric_beta(Draws(0, "beta", torch.arange(20_000)).uniform(), alpha)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(values.mean() - 0.5) < 4 * math.sqrt(variance / 20_000)
    assert float(values.var()) == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(("name", "expected"), [("CutMix", "cutmix"), ("MixUp", "mixup")])
def test_torchvision_mixes_the_same_batch_alike(name: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pairing is a roll by one and its draws are injected."""
    images = torch.randn(6, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    targets = torch.eye(6)
    oracle = getattr(v2, name)(num_classes=6)
    shapes = torch.rand(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for weight, centre_y, centre_x in shapes.tolist():
        pixels = iter([torch.tensor([int(centre_x * 32)]), torch.tensor([int(centre_y * 20)])])
        monkeypatch.setattr(oracle, "_dist", SimpleNamespace(sample=lambda _, weight=weight: weight))
        with monkeypatch.context() as patch:
            patch.setattr(torch, "randint", lambda *_, pixels=pixels, **__: next(pixels))
            wanted_images, wanted_targets = oracle(images, targets)
        shape = (
            torch.tensor([[weight, centre_y, centre_x]])[:, : 1 if expected == "mixup" else 3].double().expand(6, -1)
        )
        mixed, weights = mix(images, targets, torch.arange(6).roll(1), mixing(expected).mask(shape, 20, 32))
        assert torch.allclose(mixed, wanted_images, atol=1e-6)
        assert torch.allclose(weights, wanted_targets, atol=1e-6)


@pytest.mark.parametrize("name", ["cutmix", "mixup"])
def test_timm_mixes_the_same_batch_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pairing is the batch backwards and its draws are injected; its default label smoothing is turned off.

    Where a box's side is odd it keeps the pixel that the authors' code drops; such draws are left out.
    """
    timm = pytest.importorskip("timm.data.mixup", reason="timm is not installed")
    labels = torch.arange(6)
    images = torch.randn(6, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    oracle = timm.Mixup(cutmix_alpha=1.0, label_smoothing=0.0, num_classes=6)
    shapes = torch.rand(80, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sides = (1 - shapes[:, :1]).sqrt() * torch.tensor([20, 32])
    if name == "cutmix":
        shapes = shapes[(sides.long() % 2 == 0).all(1)]
    assert len(shapes) > 10
    for weight, centre_y, centre_x in shapes.tolist():
        centre = iter([int(centre_y * 20), int(centre_x * 32)])
        monkeypatch.setattr(oracle, "_params_per_batch", lambda weight=weight: (weight, name == "cutmix"))
        with monkeypatch.context() as patch:
            patch.setattr(timm.np.random, "randint", lambda *_, centre=centre, **__: next(centre))
            wanted_images, wanted_targets = oracle(images.clone(), labels)
        shape = torch.tensor([[weight, centre_y, centre_x]], dtype=torch.float64).expand(6, -1)
        mask = mixing(name).mask(shape if name == "cutmix" else shape[:, :1], 20, 32)
        mixed, weights = mix(images, torch.eye(6), torch.arange(6).flip(0), mask)
        assert torch.allclose(mixed, wanted_images, atol=1e-6)
        assert torch.allclose(weights, wanted_targets, atol=1e-6)
