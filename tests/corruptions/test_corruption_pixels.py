"""Every corruption at every severity against the slow restatement of its definition, the draws being passed to both."""

import numpy as np
import pytest
import torch
from applying import applied, channels_last, drawn_for, photos, sampled, skip_without_opencv, uniform_pictures
from corruption_oracles import DETERMINISTIC, to_uint8
from random_oracles import RANDOM

from robustsweep.corruptions import CORRUPTIONS, SEVERITIES

ORACLES = DETERMINISTIC | RANDOM
EVERY_ONE = pytest.mark.parametrize("name", list(ORACLES))


def both(name, table, severity, images):
    """Our pixels and the restatement's, uint8 arrays (N, H, W, 3)."""
    skip_without_opencv(name)
    fields = sampled(name, table, severity, images.shape[1:], torch.arange(len(images)) + 10 * severity)
    parameters = CORRUPTIONS[name].parameters(table, severity)
    expected = [
        to_uint8(ORACLES[name](image, parameters, *drawn_for(fields, index)))
        for index, image in enumerate(channels_last(images) / 255)
    ]
    return channels_last(applied(name, table, severity, images, fields)), np.stack(expected)


def test_every_corruption_has_a_restatement():
    assert sorted(ORACLES) == sorted(CORRUPTIONS)


# A result on a whole grey level is left to rounding: there the last bit decides the truncation. Flat patches under a
# disk, shifts of a round value and a saturation of 1.5 or 2 meet such levels often; whole numbers never miss.
SHARE_EQUAL = {"brightness": 0.9, "defocus_blur": 0.85, "gaussian_blur": 0.97, "glass_blur": 0.97, "saturate": 0.9}
SHARE_EQUAL |= {"motion_blur": 0.999}
SHARE_EQUAL |= dict.fromkeys(("impulse_noise", "jpeg_compression", "pixelate", "shot_noise"), 1.0)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize(
    ("table", "height", "width", "count"),
    [("cifar", 32, 32, 2), ("cifar", 57, 40, 1), ("tiny", 64, 64, 1), ("imagenet", 224, 224, 1)]
    + [("imagenet", 120, 193, 1), ("inception", 299, 299, 1)],
)
@EVERY_ONE
def test_pixels_equal_the_restatement_within_a_grey_level(name, table, height, width, count, severity):
    ours, expected = both(name, table, severity, photos(height, width, count))
    difference = np.abs(ours.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference == 0).mean() >= SHARE_EQUAL.get(name, 0.99)
    assert (ours != channels_last(photos(height, width, count))).mean() > 0.001


@pytest.mark.parametrize("table", ["cifar", "imagenet"])
@EVERY_ONE
def test_black_white_and_grey_pictures_equal_the_restatement_too(name, table):
    for severity in SEVERITIES:
        ours, expected = both(name, table, severity, uniform_pictures())
        assert np.abs(ours.astype(int) - expected).max() <= 1
