import pytest
import torch
from photos import byte_images
from torch import Tensor

from robustsweep.augmentations import build_method
from robustsweep.augmentations.policies.augmix import AugMix, apply_operations
from robustsweep.augmentations.textures.mixing_set import mixing_set
from robustsweep.augmentations.textures.pixmix import PixMix
from robustsweep.draws import Draws

IMAGES = byte_images(20)
N = len(IMAGES)
# Few pictures take little time.
METHOD = PixMix(n_textures=5)


def drawn(n: int = N) -> Tensor:
    return METHOD.sample(Draws(0, "augmentation/0", torch.arange(n)))


def own(image: Tensor, which: float, level: float, sign: float) -> Tensor:
    """One operation of AugMix on one image."""
    chosen = torch.tensor([int(which * 9)])
    strength = torch.tensor([0.1 + 2.9 * level], dtype=torch.float64)
    direction = torch.tensor([-1 if sign > 0.5 else 1])
    return apply_operations(AugMix.operations, chosen, image[None], strength, direction)[0].double()


def test_it_is_the_published_loop_given_the_same_draws() -> None:
    """One image, one round, one number at a time, in [0, 1] and double precision."""
    sample = drawn()
    found = METHOD.pixels(IMAGES, sample)
    pictures = mixing_set("fractals", 5, 0, 32, 40, IMAGES.device).pictures
    assert pictures.shape == (5, 3, 36, 45)
    for row, numbers in enumerate(sample.tolist()):
        which, top, left, first, *operation, count = numbers[:8]
        top, left = int(top * 5), int(left * 6)
        picture = pictures[int(which * 5), :, top : top + 32, left : left + 40].double() / 255
        image = IMAGES[row]
        m = (own(image, *operation) if first < 0.5 else image.double()) / 255
        for number in range(int(count * 5)):
            is_own, *operation, kind, branch, one, two = numbers[8 + 8 * number : 16 + 8 * number]
            q = own(image, *operation) / 255 if is_own < 0.5 else picture
            a, b = one ** (1 / 3), 1 - two ** (1 / 3)
            if branch >= 0.5:
                a, b = 1 + (1 - a), -b
            summed = (a * (2 * m - 1) + b * (2 * q - 1) + 1) / 2
            m = (summed if kind < 0.5 else (2 * m) ** a * (2 * q).clamp_min(1e-37) ** b / 2).clamp(0, 1)
        assert torch.allclose(found[row].double(), 255 * m, atol=2e-2), row


def test_an_image_without_rounds_or_a_first_operation_stays_bit_for_bit() -> None:
    sample = drawn()
    sample[:, 3], sample[:, 7] = 0.9, 0.0
    assert torch.equal(METHOD.pixels(IMAGES, sample), IMAGES.float())
    sample[:, 3] = 0.1
    assert not torch.equal(METHOD.pixels(IMAGES, sample), IMAGES.float())


def test_a_tenth_of_the_images_stay_as_they_are() -> None:
    n = 3000
    sample = drawn(n)
    untouched = (sample[:, 3] >= 0.5) & (sample[:, 7] < 0.2)
    assert abs(untouched.double().mean() - 0.1) < 4 * (0.1 * 0.9 / n) ** 0.5
    images = IMAGES[:1].expand(60, -1, -1, -1)
    same = (METHOD.pixels(images, sample[:60]) == images).flatten(1).all(1)
    assert (same >= untouched[:60]).all()
    assert same.sum() < 20


def test_operations_that_overlap_take_part_only_if_asked_for() -> None:
    assert METHOD.operation_names == AugMix.operations
    published = PixMix(all_operations=True)
    assert set(published.operation_names) - set(AugMix.operations) == set(AugMix.overlapping_operations)
    assert published.overlapped_corruptions == ("brightness", "contrast", "saturate")
    assert METHOD.overlapped_corruptions == ()


def test_no_rounds_are_a_single_operation() -> None:
    method = PixMix(rounds=0, n_textures=5)
    sample = method.sample(Draws(0, "augmentation/0", torch.arange(N)))
    assert sample.shape == (N, 8)
    assert (method.pixels(IMAGES, sample) == method.pixels(IMAGES, sample).round()).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"beta": 0.0}, "beta must be positive"), ({"rounds": -1}, "rounds must be"), ({"severity": 11.0}, "severity")],
)
def test_what_it_cannot_do_is_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build_method("pixmix", **parameters)
