import math

import pytest
import torch
from photos import as_pillow, as_tensor, byte_images
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor, nn

from robustsweep.augmentations.method import Step
from robustsweep.augmentations.policies.augmix import AugMix, jensen_shannon
from robustsweep.draws import Draws

IMAGES = byte_images(20)
N = len(IMAGES)


def drawn(n: int = N, seed: int = 0) -> Tensor:
    return AugMix().sample(Draws(seed, "augmentation/0", torch.arange(n)))


def by_pillow(name: str, image: Image.Image, level: float, sign: int) -> Image.Image:
    """The published operations, with the image's own sides for the constant."""
    width, height = image.size
    enhancers = {
        "color": ImageEnhance.Color,
        "contrast": ImageEnhance.Contrast,
        "brightness": ImageEnhance.Brightness,
        "sharpness": ImageEnhance.Sharpness,
    }
    if name in enhancers:
        return enhancers[name](image).enhance(level * 1.8 / 10 + 0.1)
    tones = {
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "posterize": lambda: ImageOps.posterize(image, 4 - int(level * 4 / 10)),
        "solarize": lambda: ImageOps.solarize(image, 256 - int(level * 256 / 10)),
        "rotate": lambda: image.rotate(sign * int(level * 30 / 10), resample=Image.Resampling.BILINEAR),
    }
    if name in tones:
        return tones[name]()
    coefficients = {
        "shear_x": (1, sign * level * 0.3 / 10, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, sign * level * 0.3 / 10, 1, 0),
        "translate_x": (1, 0, sign * int(level * (width / 3) / 10), 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, sign * int(level * (height / 3) / 10)),
    }[name]
    return image.transform(image.size, Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BILINEAR)


@pytest.mark.parametrize("method", [AugMix(), AugMix(all_operations=True, severity=10)], ids=["safe", "all"])
def test_the_views_are_those_of_pillow_given_the_same_draws(method: AugMix) -> None:
    """One image, one view and one chain at a time."""
    names = [*method.operations, *(method.overlapping_operations if method.all_operations else ())]
    sample, used = drawn(), set()
    views = method.pixels(IMAGES, sample).view(3, *IMAGES.shape)
    assert torch.equal(views[0], IMAGES.float())
    differences = []
    for row, image in enumerate(as_pillow(IMAGES)):
        for view in range(2):
            share, *numbers = sample[row, 34 * view : 34 * (view + 1)].tolist()
            exponential = [-math.log(1 - number) for number in numbers[:3]]
            blend = (1 - share) * IMAGES[row].double()
            for chain in range(3):
                depth, *links = numbers[3 + 10 * chain : 13 + 10 * chain]
                distorted = image
                for link in range(1 + int(3 * depth)):
                    which, level, sign = links[3 * link : 3 * link + 3]
                    name = names[int(which * len(names))]
                    level = 0.1 + (method.severity - 0.1) * level
                    distorted = by_pillow(name, distorted, level, -1 if sign > 0.5 else 1)
                    used.add(name)
                blend += share * exponential[chain] / sum(exponential) * as_tensor([distorted])[0]
            differences.append((views[1 + view, row] - blend).abs())
    assert used == set(names)
    # A grey level at a place may be a large step for the tone operation that follows it.
    assert torch.stack(differences).mean() < 0.05
    assert (torch.stack(differences) > 1.01).double().mean() < 0.003


def test_an_image_whose_own_share_is_all_stays_as_it_is() -> None:
    sample = drawn()
    sample[:, 0], sample[:, 34] = 0, 0
    assert torch.equal(AugMix().pixels(IMAGES, sample), IMAGES.float().repeat(3, 1, 1, 1))


def test_operations_that_change_nothing_give_the_image_back() -> None:
    sample = drawn()
    names = AugMix.operations
    chains = sample.view(N, 2, 34)[:, :, 4:].view(N, 2, 3, 10)
    chains[..., [1, 4, 7]] = (names.index("translate_x") + 0.5) / len(names)
    chains[..., [2, 5, 8]] = 0
    assert torch.allclose(AugMix().pixels(IMAGES, sample), IMAGES.float().repeat(3, 1, 1, 1), atol=1e-3)


def test_no_view_leaves_the_hull_of_chains_and_image() -> None:
    flat = torch.full((N, 3, 32, 32), 100, dtype=torch.uint8)
    names = AugMix.operations
    sample = drawn()
    sample.view(N, 2, 34)[:, :, 4:].view(N, 2, 3, 10)[..., [1, 4, 7]] = (names.index("posterize") + 0.5) / len(names)
    views = AugMix().pixels(flat, sample)
    # 4 bits of 100 are 96; severity 3 takes at most one more.
    assert views.min() >= 96
    assert views.max() <= 100


def test_the_overlapping_operations_are_left_out_unless_asked_for() -> None:
    assert len(AugMix.operations) == 9
    assert not set(AugMix.operations) & set(AugMix.overlapping_operations)
    assert AugMix.overlapping_operations == ("color", "contrast", "brightness", "sharpness")


def test_the_divergence_is_zero_for_equal_predictions_and_at_most_log_3() -> None:
    equal = torch.randn(1, 8, 5, generator=torch.Generator().manual_seed(0)).expand(3, -1, -1)
    assert abs(float(jensen_shannon(equal))) < 1e-6
    assert float(jensen_shannon(1000 * torch.eye(3).unsqueeze(1))) == pytest.approx(math.log(3), abs=1e-6)
    logits = torch.randn(3, 64, 10, generator=torch.Generator().manual_seed(1))
    predictions = logits.softmax(2)
    mean = predictions.mean(0).log()
    wanted = sum(nn.functional.kl_div(mean, each, reduction="batchmean") for each in predictions) / 3
    assert float(jensen_shannon(logits)) == pytest.approx(float(wanted), abs=1e-6)


def test_the_divergence_of_certain_predictions_has_a_finite_gradient() -> None:
    logits = torch.tensor([[[200.0, -200.0]], [[-200.0, 200.0]], [[0.0, 0.0]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(jensen_shannon(logits), logits)
    assert gradient.isfinite().all()


def test_the_loss_is_that_of_the_clean_view_and_the_weighted_divergence() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
    images, targets = torch.randn(15, 3, 2, 2, generator=torch.Generator().manual_seed(0)), torch.eye(5, 4)

    def criterion(logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, targets, reduction="none")

    loss = AugMix(jsd_weight=7).loss(Step(network, images, targets, drawn(5), criterion, 0.0))
    logits = network(images).view(3, 5, 4)
    wanted = criterion(logits[0], targets).mean() + 7 * jensen_shannon(logits)
    assert torch.allclose(loss, wanted)
