import math

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import RandomResizedCrop

from robustsweep.augmentations.random_resized_crop import Part, part_of, sample_parts
from robustsweep.draws import Draws


def parts(height: int, width: int, n: int = 2000) -> list[Part]:
    sample = sample_parts(Draws(0, "parts", torch.arange(n)))
    return [part_of(row, height, width) for row in sample.tolist()]


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 375), (32, 32), (64, 300), (300, 64), (1, 40), (1, 1)])
def test_parts_lie_inside_the_image(height: int, width: int) -> None:
    for part in parts(height, width):
        assert part.height >= 1
        assert part.width >= 1
        assert 0 <= part.top <= height - part.height
        assert 0 <= part.left <= width - part.width


def test_area_and_aspect_ratio_stay_in_their_ranges_up_to_whole_pixels() -> None:
    for part in parts(375, 500):
        area, ratio = part.height * part.width / (375 * 500), part.width / part.height
        assert 0.08 * 0.98 <= area <= 1.0
        assert 3 / 4 * 0.98 <= ratio <= 4 / 3 * 1.02


@pytest.mark.parametrize(("height", "width"), [(375, 500), (64, 64)])
def test_parts_are_distributed_as_those_of_torchvision(height: int, width: int) -> None:
    ours = np.array([(p.top, p.left, p.height, p.width) for p in parts(height, width)])
    image = torch.empty(3, height, width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = [RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(len(ours))]
    theirs = np.array(drawn)
    for axis in range(4):
        assert stats.ks_2samp(ours[:, axis], theirs[:, axis]).pvalue > 0.001
    shares = [found[:, 2] * found[:, 3] / (height * width) for found in (ours, theirs)]
    assert stats.ks_2samp(*shares).pvalue > 0.001


def test_an_image_that_no_attempt_fits_gives_its_central_part() -> None:
    # Parts of all the area and of the widest ratio never fit a square.
    hopeless = [1.0, 1.0] * 10 + [0.5, 0.5]
    assert part_of(hopeless, 90, 90) == Part(0, 0, 90, 90)
    assert part_of(hopeless, 90, 400) == Part(0, 140, 90, 120)
    assert part_of(hopeless, 400, 90) == Part(140, 0, 120, 90)


def test_the_first_attempt_that_fits_is_taken() -> None:
    # A quarter of the area, square, in the last place that it fits.
    square = (0.25 - 0.08) / 0.92
    sample = [1.0, 1.0, square, 0.5, *[0.9, 0.5] * 8, math.nextafter(1, 0), math.nextafter(1, 0)]
    assert part_of(sample, 100, 100) == Part(50, 50, 50, 50)


def test_a_ratio_is_that_of_width_to_height() -> None:
    # 1 200 of 10 000 pixels: 40 wide and 30 high at the widest ratio, the other way round at the narrowest.
    share = (0.12 - 0.08) / 0.92
    wide, narrow = (part_of([share, tilt] * 10 + [0.0, 0.0], 100, 100) for tilt in (1.0, 0.0))
    assert (wide.width, wide.height) == (40, 30)
    assert (narrow.width, narrow.height) == (30, 40)


def test_the_same_ids_give_the_same_draws_in_any_batch() -> None:
    together = sample_parts(Draws(5, "parts", torch.arange(9)))
    assert torch.equal(together[7:8], sample_parts(Draws(5, "parts", torch.tensor([7]))))
