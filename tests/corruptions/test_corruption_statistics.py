"""What the samplers draw, against the published definitions driven by NumPy's generator: moments and correlations.

Every comparison is a z-score of at most 6, which a right sampler exceeds once in 5e8 times, or a p-value of at least
1e-9. There are fewer than 450 of them: a false alarm anywhere is less likely than one in a million.
"""

import numpy as np
import pytest
import torch
from applying import sampled, skip_without_opencv
from corruption_oracles import to_uint8
from random_oracles import RANDOM
from scipy import stats

from robustsweep.corruptions import CORRUPTIONS, corrupt_batch

SIDE = 32
LARGEST_Z = 6.0
SMALLEST_P = 1e-9
IDS = torch.arange(1000)


def ramps():
    """One image whose colours say where a pixel came from: its column, its row, and a grey; (H, W, 3) uint8.

    A little unevenness keeps blurred values off whole grey levels, where the last bit decides the truncation.
    """
    row, column = np.mgrid[:SIDE, :SIDE]
    colours = np.stack([column * 8, row * 8, np.full_like(row, 128)], axis=-1)
    return (colours + np.random.default_rng(0).integers(0, 5, colours.shape)).astype(np.uint8)


def normal_field(random, parameters):
    return (random.normal(size=(3, SIDE, SIDE)),)


def offsets(random, parameters):
    _, reach, passes = map(int, parameters)
    return (random.integers(-reach, reach, size=(passes, 2, SIDE - 2 * reach, SIDE - 2 * reach)),)


def crop(random, parameters):
    sizes = [(120, 180), (63, 112), (63, 112), (70, 105), (99, 132)]
    which = random.integers(5)
    return which, [random.integers(0, length - SIDE) for length in sizes[which]]


def plasma_noise(random, parameters):
    return [random.uniform(-1, 1, size=(3, 2**level, 2**level)) for level in range(5)]


def warp(random, parameters):
    alpha, _, reach = parameters
    shifts = random.uniform(-reach, reach, size=(3, 2))
    return (shifts, random.uniform(-1, 1, size=(2, SIDE, SIDE))) if alpha else (shifts,)


DRAWS = {
    "gaussian_noise": normal_field,
    "speckle_noise": normal_field,
    "glass_blur": offsets,
    "motion_blur": lambda random, parameters: (random.uniform(-45, 45),),
    "snow": lambda random, parameters: (random.normal(size=(SIDE, SIDE)), random.uniform(-135, -45)),
    "frost": crop,
    "fog": plasma_noise,
    "elastic_transform": warp,
    "spatter": lambda random, parameters: (random.normal(size=(SIDE, SIDE)),),
}


def published(name, image, parameters, random):
    """One image as the published generators make it, all randomness from NumPy."""
    if name == "shot_noise":
        return random.poisson(image * parameters[0]) / parameters[0]
    if name == "impulse_noise":
        changed, white = random.uniform(size=(2, *image.shape))
        return np.where(changed < parameters[0], white < 0.5, image)
    return RANDOM[name](image, parameters, *DRAWS[name](random, parameters))


def statistics_of(residuals):
    """Per image: means over parts, powers, correlations in space, between colours and with the next image.

    Args:
        residuals: float64 array (N, H, W, 3), the mean image taken away.
    """
    half = SIDE // 2
    top, bottom, left, right = (
        residuals[:, :half].mean(axis=(1, 2)),
        residuals[:, half:].mean(axis=(1, 2)),
        residuals[:, :, :half].mean(axis=(1, 2)),
        residuals[:, :, half:].mean(axis=(1, 2)),
    )

    def product(first, second):
        return (first * second).mean(axis=(1, 2)).mean(axis=1)

    return {
        "mean of each colour": (top + bottom) / 2,
        "top against bottom": (top - bottom).mean(axis=1),
        "left against right": (left - right).mean(axis=1),
        "mean, squared": ((top + bottom) / 2).mean(axis=1) ** 2,
        "variance": product(residuals, residuals),
        "third moment": product(residuals**2, residuals),
        "fourth moment": product(residuals**2, residuals**2),
        "next column": product(residuals[:, :, 1:], residuals[:, :, :-1]),
        "next row": product(residuals[:, 1:], residuals[:, :-1]),
        "five columns on": product(residuals[:, :, 5:], residuals[:, :, :-5]),
        "five rows on": product(residuals[:, 5:], residuals[:, :-5]),
        "three along the diagonal": product(residuals[:, 3:, 3:], residuals[:, :-3, :-3]),
        "three along the other diagonal": product(residuals[:, 3:, :-3], residuals[:, :-3, 3:]),
        "next colour": product(residuals, np.roll(residuals, 1, axis=-1)),
        "next image": product(residuals, np.roll(residuals, 1, axis=0)),
    }


@pytest.mark.parametrize("severity", [2, 5])
@pytest.mark.parametrize("name", list(RANDOM))
def test_corrupted_images_have_the_moments_and_correlations_of_published_ones(name, severity):
    skip_without_opencv(name)
    random = np.random.default_rng([severity, *name.encode()])
    parameters = CORRUPTIONS[name].parameters("cifar", severity)
    images = torch.from_numpy(ramps()).permute(2, 0, 1).expand(len(IDS), -1, -1, -1)
    ours = (
        corrupt_batch(images, name, severity, table="cifar", seed=0, ids=IDS).permute(0, 2, 3, 1).numpy().astype(float)
    )
    theirs = [to_uint8(published(name, ramps() / 255, parameters, random)) for _ in range(500)]
    theirs = np.stack(theirs).astype(float)
    centre = (ours.mean(axis=0) + theirs.mean(axis=0)) / 2
    expected = statistics_of(theirs - centre)
    for statistic, values in statistics_of(ours - centre).items():
        gap = values.mean(axis=0) - expected[statistic].mean(axis=0)
        error = np.sqrt(values.var(axis=0) / len(values) + expected[statistic].var(axis=0) / len(theirs))
        assert (np.abs(gap) <= LARGEST_Z * error).all(), (statistic, gap / error)


@pytest.mark.parametrize(
    ("name", "field", "distribution"),
    [(name, 0, stats.norm()) for name in ("gaussian_noise", "speckle_noise", "snow", "spatter")]
    + [(name, 0, stats.uniform(0, 2**32)) for name in ("shot_noise", "impulse_noise")]
    + [("motion_blur", 0, stats.uniform(-45, 90)), ("snow", 1, stats.uniform(-135, 90))]
    + [("elastic_transform", 0, stats.uniform(-0.07 * 32, 0.14 * 32)), ("elastic_transform", 1, stats.uniform(-1, 2))]
    + [("fog", 4, stats.uniform(-1, 2))],
)
def test_draws_have_the_distribution_of_the_definition(name, field, distribution):
    drawn = sampled(name, "cifar", 2, (3, SIDE, SIDE), torch.arange(4000))[field].double().view(4000, -1)
    # A prime stride takes other places from each image.
    values = drawn.flatten()[:: 1 if drawn.shape[1] < 10 else 7].numpy()
    assert stats.kstest(values, distribution.cdf).pvalue > SMALLEST_P
    support = distribution.support()
    assert support[0] <= values.min()
    assert values.max() <= support[1]  # float32 rounds the largest words up


@pytest.mark.parametrize(("severity", "reach"), [(2, 1), (5, 4)])
def test_glass_offsets_are_equally_frequent_without_the_upper_end(severity, reach):
    table = "cifar" if reach == 1 else "imagenet"
    (drawn,) = sampled("glass_blur", table, severity, (3, SIDE, SIDE), torch.arange(200))
    values, counts = drawn.unique(return_counts=True)
    assert values.tolist() == list(range(-reach, reach))
    assert stats.chisquare(counts.numpy()).pvalue > SMALLEST_P


def test_frost_takes_textures_and_crops_equally_often():
    which, corners = sampled("frost", "cifar", 2, (3, SIDE, SIDE), torch.arange(20_000))
    assert stats.chisquare(which.bincount(minlength=5).numpy()).pvalue > SMALLEST_P
    for texture, size in enumerate([(120, 180), (63, 112), (63, 112), (70, 105), (99, 132)]):
        for axis, length in enumerate(size):
            counts = corners[which == texture][:, axis].bincount(minlength=length - SIDE)
            assert len(counts) == length - SIDE
            assert stats.chisquare(counts.numpy()).pvalue > SMALLEST_P
