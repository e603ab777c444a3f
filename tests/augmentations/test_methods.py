import json
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.method import Method
from robustsweep.augmentations.network_method import NetworkMethod
from robustsweep.draws import Draws
from robustsweep.errors import UsageError
from robustsweep.results.corruption_names import CORRUPTIONS, EXTRA_CORRUPTIONS

N, CLASSES, HEIGHT, WIDTH = 24, 5, 20, 32
# Their pixels may come from elsewhere in a partner.
MOVING = ("resizemix", "randommix")


def batch(n: int = N) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(n, 3, HEIGHT, WIDTH, generator=generator)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    return images, torch.nn.functional.one_hot(labels, CLASSES).float()


def draws(n: int = N, seed: int = 0) -> Draws:
    return Draws(seed, "augmentation/0", torch.arange(n) * 977)


def passed_through(method: Method, sample: Tensor, n: int = N) -> tuple[Tensor, Tensor]:
    """Take bytes through a method's two stages, with 1 / 64 as the normalisation."""
    images, targets = batch(n)
    pixels = method.pixels((images * 40 + 128).clamp(0, 255).to(torch.uint8), sample)
    views = [method.apply(view, targets, sample) for view in (pixels / 64).split(n)]
    return torch.cat([view for view, _ in views]), views[0][1]


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
    zero, axes = images.new_zeros(1), (0, 2, 3) if method.name in MOVING else (0,)
    assert (augmented <= torch.maximum(images.amax(axes, keepdim=True), zero) + 1e-6).all()
    assert (augmented >= torch.minimum(images.amin(axes, keepdim=True), zero) - 1e-6).all()


@every_method
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(method: Method) -> None:
    first = passed_through(method, method.sample(draws()))
    again = passed_through(method, method.sample(draws()))
    other = passed_through(method, method.sample(draws(seed=1)))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert torch.equal(first[0], other[0]) == (method.name in ("baseline", "label_smoothing"))


@every_method
def test_what_is_drawn_for_an_image_does_not_depend_on_the_batch(method: Method) -> None:
    together = method.sample(draws())
    singles = [method.sample(Draws(0, "augmentation/0", torch.tensor([i * 977]))) for i in range(N)]
    assert torch.equal(together, torch.cat(singles))


@every_method
def test_pixels_stay_images_and_the_argument_is_untouched(method: Method) -> None:
    images = torch.randint(256, (N, 3, HEIGHT, WIDTH), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    before, sample = images.clone(), method.sample(draws())
    pixels = method.pixels(images, sample)
    assert torch.equal(images, before)
    assert pixels.dtype in (torch.uint8, torch.float32)
    assert pixels.shape[1:] == images.shape[1:]
    assert len(pixels) % N == 0
    # A mean of images in float32 may round beyond the ends.
    assert pixels.min() >= -1e-3
    assert pixels.max() <= 255 + 1e-3
    singles = [method.pixels(images[i : i + 1], sample[i : i + 1]) for i in range(N)]
    assert torch.allclose(pixels.float(), torch.stack(singles, dim=1).flatten(0, 1).float(), atol=1e-3)


@every_method
def test_parameters_name_every_field_and_rebuild_the_method(method: Method) -> None:
    assert list(method.parameters()) == [f.name for f in fields(method)]
    assert build_method(method.name, **json.loads(json.dumps(method.parameters()))) == method


@every_method
def test_a_single_image_is_a_batch_too(method: Method) -> None:
    images, targets = batch(1)
    augmented, mixed = method.apply(images, targets, method.sample(draws(1)))
    assert augmented.shape == images.shape
    assert torch.equal(mixed, targets) == (method.name != "label_smoothing")


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("cutmixx", {}, "did you mean 'cutmix'"),
        ("cutmix", {"alhpa": 1.0}, "did you mean 'alpha'"),
        ("cutmix", {"per_batch": "False"}, "cutmix: per_batch must be true or false, got 'False'"),
        ("augmix", {"all_operations": 0}, "all_operations must be true or false, got 0"),
        ("autoaugment", {"corruption_safe": "no"}, "corruption_safe must be true or false, got 'no'"),
        ("autoaugment", {"policy": 1}, "policy must be a string, got 1"),
        ("dropblock", {"block_size": 2.5}, "block_size must be a whole number, got 2.5"),
        ("dropblock", {"layers": "stage1"}, "layers must be a list of strings, got 'stage1'"),
        ("dropblock", {"layers": ["stage1", 2]}, r"layers\[1\] must be a string, got 2"),
        ("randommix", {"weights": [1, "2", 3, 4]}, r"weights\[1\] must be a number, got '2'"),
        ("choice", {"operations": [{"method": "cutmix", "per_batch": "no"}]}, "per_batch must be true or false"),
        ("choice", {"operations": "mixup"}, "operations must be a list, got 'mixup'"),
        ("cutmix", {"alpha": 0.0}, "alpha must be positive, got 0.0"),
        ("mixup", {"alpha": -1.0}, "alpha must be positive"),
        ("mixup", {"probability": 1.5}, "probability must be in"),
        ("cutout", {"length": 1.5}, r"length must be in \[0, 1\]"),
        ("smoothmix_s", {"border_ratio": -0.1}, "border_ratio must be at least 0"),
        ("smoothmix_s", {"border_position": "around"}, "one of outside, inside, centre"),
        ("smoothmix_c", {"sigma_low": 0.0}, "sigma_low must be positive"),
        ("smoothmix_c", {"sigma_high": 0.1}, "at least sigma_low"),
        ("augmix", {"severity": 0.0}, r"severity must be in \[0.1, 10\]"),
        ("augmix", {"jsd_weight": 0.0}, "jsd_weight must be positive"),
        ("autoaugment", {"policy": "cifar"}, "one of cifar10, imagenet, svhn"),
        ("soft_cutout", {"edge": "hard"}, "one of gaussian, linear"),
        ("resizemix", {"scale_low": 0.0}, "scale_low must be positive"),
        ("resizemix", {"scale_high": 1.1}, "scale_high must be at least scale_low and at most 1, got 1.1"),
        ("resizemix", {"interpolation": "cubic"}, "one of nearest, bilinear"),
        ("saliencymix", {"border": "wrap"}, "one of shift, clip"),
        ("fmix", {"decay": -1.0}, "decay must be at least 0"),
        ("fmix", {"max_soft": 0.6}, r"max_soft must be in \[0, 0.5\]"),
        ("choice", {"operations": []}, "operations must be at least one method"),
        ("chain", {"operations": []}, "operations must be at least one method"),
        ("chain", {"operations": ["cutout"]}, 'An operation is {"method": NAME}'),
        ("chain", {"operations": [{"method": "augmix"}, {"method": "gridmask"}]}, "one at most has a loss of its own"),
        ("chain", {"operations": [{"method": "gridmask"}, {"method": "cutout"}]}, "a list that ends with gridmask"),
        ("trivialaugment", {"translate": "sides"}, "one of pixels, fraction"),
        ("randaugment", {"magnitude": 31}, r"magnitude must be in \[0, 30\]"),
        ("randaugment", {"n_operations": -1}, "n_operations must be at least 0"),
        ("random_erasing", {"area_high": 0.01}, "area_high must be at least area_low"),
        ("random_erasing", {"aspect_low": 0.0}, r"aspect_low must be in \(0, 1\]"),
        ("random_erasing", {"fill": "white"}, "one of mean, normal, colour"),
        ("gridmask", {"period_high": 0.2}, "period_high must be at least period_low"),
        ("gridmask", {"delete": "all"}, "one of squares, stripes"),
        ("noise", {"sigma_low": 0.2}, "sigma_high must be at least sigma_low"),
        ("noise", {"distribution": "impulse", "sigma_high": 1.5}, "at most 1 for impulses"),
        ("label_smoothing", {"epsilon": -0.1}, r"epsilon must be in \[0, 1\]"),
        ("choice", {"operations": ["mixup"]}, 'An operation is {"method": NAME}'),
        ("choice", {"operations": [{"method": "mixpu"}]}, "did you mean 'mixup'"),
        ("choice", {"operations": [{"method": "mixup", "alhpa": 1}]}, "did you mean 'alpha'"),
        ("choice", {"weights": [1.0]}, "weights must be 2 numbers"),
        ("choice", {"weights": [0.0, 0.0]}, "weights must be at least 0, and one of them more"),
        ("randommix", {"weights": [1.0, -1.0, 1.0, 1.0]}, "weights must be at least 0"),
    ],
)
def test_what_no_method_can_do_is_refused(name: str, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_method(name, **parameters)


TONES = ("brightness", "contrast", "saturate")
NOISES = ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise")


@pytest.mark.parametrize(
    ("name", "parameters", "overlapped"),
    [
        ("baseline", {}, ()),
        ("cutmix", {}, ()),
        ("augmix", {}, ()),
        ("augmix", {"all_operations": True}, TONES),
        ("autoaugment", {}, TONES),
        ("autoaugment", {"corruption_safe": True}, ()),
        ("choice", {}, ()),
        ("trivialaugment", {}, TONES),
        ("trivialaugment", {"corruption_safe": True}, ()),
        ("randaugment", {}, TONES),
        ("randaugment", {"corruption_safe": True}, ()),
        ("noise", {}, NOISES),
        ("random_erasing", {}, ()),
        ("gridmask", {}, ()),
        ("chain", {}, TONES),
        ("fast_autoaugment", {}, TONES),
        ("fast_autoaugment", {"corruption_safe": True}, ()),
        ("chain", {"operations": [{"method": "noise"}, {"method": "autoaugment"}]}, NOISES + TONES),
        ("choice", {"operations": [{"method": "cutmix"}, {"method": "autoaugment"}]}, TONES),
        ("choice", {"operations": [{"method": "choice", "operations": [{"method": "autoaugment"}]}]}, TONES),
    ],
)
def test_methods_name_the_corruptions_that_they_overlap(
    name: str, parameters: dict[str, object], overlapped: tuple[str, ...]
) -> None:
    assert build_method(name, **parameters).overlapped_corruptions == overlapped


@pytest.mark.parametrize("name", METHODS)
def test_what_methods_overlap_are_corruptions_of_the_benchmark(name: str) -> None:
    method = build_method(name)
    assert set(method.overlapped_corruptions) <= {*CORRUPTIONS, *EXTRA_CORRUPTIONS}
    assert method.overlaps_attacks is False
