"""What the samplers of C-bar draw: distributions, ranges, and independence of order."""

import itertools
import math

import numpy as np
import pytest
import torch
from applying import nearest, sampled
from scipy import stats

from robustsweep.corruptions import CORRUPTIONS

SIDE, COUNT = 64, 3000
SMALLEST_P = 1e-9
TURN = stats.uniform(0, 2 * math.pi)


def drawn(name, severity=3, count=COUNT, side=SIDE):
    return sampled(name, nearest(name, "cifar"), severity, (3, side, side), torch.arange(count))


def fits(values, distribution):
    values = values.double().flatten().numpy()
    low, high = distribution.support()
    is_within = low <= values.min() <= values.max() <= high + 1e-6
    return is_within and stats.kstest(values, distribution.cdf).pvalue > SMALLEST_P


@pytest.mark.parametrize(
    ("name", "field", "distribution"),
    [
        ("checkerboard_cutout", 0, TURN),
        ("checkerboard_cutout", 1, stats.uniform(0.1 * SIDE, 0.15 * SIDE)),
        ("sparkles", 0, stats.uniform(0, SIDE)),
        ("inverse_sparkles", 0, stats.uniform(0.25 * SIDE, 0.5 * SIDE)),
        ("ripple", 0, stats.uniform(0.1 * SIDE, 0.2 * SIDE)),
        ("ripple", 1, TURN),
        ("lines", 0, TURN),
        ("lines", 1, stats.uniform(0.1, 0.9)),
        ("lines", 2, stats.uniform(0, 1)),
        ("caustic_refraction", 0, stats.uniform(0.5, 1.5)),
        ("caustic_refraction", 1, stats.uniform(0.75 * SIDE, 0.5 * SIDE)),
        ("plasma_noise", 0, stats.uniform(0, 6 * math.pi)),
        ("plasma_noise", 2, stats.uniform(0.5, 0.5)),
        ("plasma_noise", 3, stats.uniform(0.075 * SIDE, 0.125 * SIDE)),
        ("cocentric_sine_waves", 0, stats.uniform(0, SIDE)),
        ("cocentric_sine_waves", 1, stats.uniform(0, 10)),
        ("cocentric_sine_waves", 2, stats.uniform(0, 0.1 * SIDE)),
        ("cocentric_sine_waves", 3, stats.uniform(0, 0.1 * SIDE)),
        ("single_frequency_greyscale", 1, TURN),
    ],
)
def test_numbers_are_uniform_over_their_range(name, field, distribution):
    assert fits(drawn(name)[field], distribution)


@pytest.mark.parametrize("name", ["blue_noise_sample", "brownish_noise"])
def test_phases_are_uniform_and_an_odd_width_has_a_middle_column(name):
    (even,) = drawn(name, count=3)
    left, middle = drawn(name, count=3, side=33)
    assert fits(even, TURN)
    assert fits(torch.cat((left.flatten(), middle.flatten())), TURN)
    assert (even.shape[2:], left.shape[2:], middle.shape[2:]) == ((64, 32), (33, 16), (16,))


def equally_often(values, expected):
    found, counts = np.unique(values, return_counts=True, axis=0)
    assert found.tolist() == expected
    assert stats.chisquare(counts).pvalue > SMALLEST_P


def test_whole_numbers_are_equally_frequent_in_their_range():
    equally_often(drawn("sparkles")[1].flatten(), list(range(50, 200)))
    equally_often(drawn("inverse_sparkles", count=10_000)[1].flatten(), list(range(50, 200)))
    equally_often(drawn("plasma_noise")[1], [4, 5, 6])
    equally_often(drawn("pinch_and_twirl")[0].flatten(), [-1, 1])


def test_every_order_of_colours_is_equally_frequent():
    (orders,) = drawn("transverse_chromatic_abberation")
    equally_often(orders.numpy(), [list(order) for order in itertools.permutations(range(3))])


def test_lengths_of_rays_and_squares_of_boards_are_drawn_per_ray_and_square():
    assert fits(drawn("sparkles", count=200)[2][:, :, ::7], stats.norm())
    assert fits(drawn("checkerboard_cutout", count=40)[2], stats.uniform(0, 1))


def test_one_frequency_bounds_the_other_and_either_may_be_that_of_columns():
    frequency = drawn("single_frequency_greyscale")[0]
    larger = frequency.abs().amax(1)
    assert fits(larger, stats.uniform(0, math.pi))
    assert fits(frequency.abs().amin(1) / larger, stats.uniform(0, 1))
    equally_often((frequency.abs().argmax(1)).numpy(), [0, 1])
    assert stats.binomtest(int((frequency > 0).sum()), 2 * COUNT).pvalue > SMALLEST_P


def test_perlin_permutes_and_its_gradients_have_length_one_or_are_zero():
    permutations, gradients = drawn("perlin_noise", count=600)
    assert torch.equal(permutations.sort(dim=1).values, torch.arange(256).expand(600, -1))
    equally_often(permutations[:, 17].div(32, rounding_mode="floor"), list(range(8)))
    length = gradients.square().sum(-1).sqrt()
    assert ((length - 1).abs() < 1e-6).logical_or(length == 0).all()
    assert (gradients[..., 0] > 0).double().mean() == pytest.approx(0.5, abs=0.01)


class Equal:
    """Draws whose words are all alike: those that point a gradient at the middle of the grid."""

    def words(self, *shape):
        return torch.full((2, *shape), 256, dtype=torch.uint32)


def test_a_gradient_of_zero_gives_an_image_and_not_a_division_by_zero():
    images = torch.full((2, 3, 64, 64), 100, dtype=torch.uint8)
    corruption = CORRUPTIONS["perlin_noise"]
    parameters = corruption.parameters("imagenet", 5)
    permutation, gradients = corruption.sample(Equal(), (3, 64, 64), parameters)
    assert not gradients.any()
    veiled = corruption.apply(images, parameters, (permutation, gradients))
    # Half of white, at a share of .44, over the image's rest.
    assert veiled.unique().tolist() == [int(100 * 0.56 + 0.44 * 127.5)]


@pytest.mark.parametrize(("severity", "count"), list(enumerate((1, 3, 4, 6, 8), start=1)))
def test_lines_grow_in_number(severity, count):
    assert drawn("lines", severity, count=2, side=32)[2].shape == (2, count, 3)
