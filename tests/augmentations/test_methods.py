from dataclasses import fields

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.method import Method
from robustsweep.augmentations.network_method import NetworkMethod
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

N, CLASSES, HEIGHT, WIDTH = 24, 5, 20, 32


def batch(n: int = N) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(n, 3, HEIGHT, WIDTH, generator=generator)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    return images, torch.nn.functional.one_hot(labels, CLASSES).float()


def draws(n: int = N, seed: int = 0) -> Draws:
    return Draws(seed, "augmentation/0", torch.arange(n) * 977)


# Those that need no network; tests of network methods stand in a file of their own.
ALONE = [name for name in METHODS if not issubclass(METHODS[name], NetworkMethod)]
every_method = pytest.mark.parametrize("method", [METHODS[name]() for name in ALONE], ids=ALONE)


@every_method
def test_shapes_and_dtypes_stay_and_the_arguments_are_untouched(method: Method) -> None:
    images, targets = batch()
    before = images.clone(), targets.clone()
    sample = method.sample(draws())
    augmented, mixed = method.apply(images, targets, sample)
    assert sample.dtype == torch.float64
    assert (augmented.shape, augmented.dtype) == (images.shape, images.dtype)
    assert (mixed.shape, mixed.dtype) == (targets.shape, targets.dtype)
    assert torch.equal(images, before[0])
    assert torch.equal(targets, before[1])


@every_method
def test_targets_stay_probabilities_and_pixels_stay_between_those_of_the_batch_and_zero(method: Method) -> None:
    images, targets = batch()
    augmented, mixed = method.apply(images, targets, method.sample(draws()))
    assert (mixed >= 0).all()
    assert torch.allclose(mixed.sum(1), torch.ones(N), atol=1e-6)
    zero = images.new_zeros(1)
    assert (augmented <= torch.maximum(images.amax(0), zero) + 1e-6).all()
    assert (augmented >= torch.minimum(images.amin(0), zero) - 1e-6).all()


@every_method
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(method: Method) -> None:
    images, targets = batch()
    first = method.apply(images, targets, method.sample(draws()))
    again = method.apply(images, targets, method.sample(draws()))
    other = method.apply(images, targets, method.sample(draws(seed=1)))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert torch.equal(first[0], other[0]) == (method.name == "baseline")


@every_method
def test_what_is_drawn_for_an_image_does_not_depend_on_the_batch(method: Method) -> None:
    together = method.sample(draws())
    singles = [method.sample(Draws(0, "augmentation/0", torch.tensor([i * 977]))) for i in range(N)]
    assert torch.equal(together, torch.cat(singles))


@every_method
def test_parameters_name_every_field_and_rebuild_the_method(method: Method) -> None:
    assert list(method.parameters()) == [f.name for f in fields(method)]
    assert build_method(method.name, **method.parameters()) == method


@every_method
def test_a_single_image_is_a_batch_too(method: Method) -> None:
    images, targets = batch(1)
    augmented, mixed = method.apply(images, targets, method.sample(draws(1)))
    assert augmented.shape == images.shape
    assert torch.equal(mixed, targets)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("cutmixx", {}, "did you mean 'cutmix'"),
        ("cutmix", {"alhpa": 1.0}, "did you mean 'alpha'"),
        ("cutmix", {"alpha": 0.0}, "alpha must be positive, got 0.0"),
        ("mixup", {"alpha": -1.0}, "alpha must be positive"),
        ("mixup", {"probability": 1.5}, "probability must be in"),
        ("cutout", {"length": 1.5}, "length must be a fraction"),
        ("smoothmix_s", {"border_ratio": -0.1}, "border_ratio must be at least 0"),
        ("smoothmix_s", {"border_position": "around"}, "one of outside, inside, centre"),
        ("smoothmix_c", {"sigma_low": 0.0}, "sigma_low must be positive"),
        ("smoothmix_c", {"sigma_high": 0.1}, "at least sigma_low"),
    ],
)
def test_what_no_method_can_do_is_refused(name: str, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_method(name, **parameters)
