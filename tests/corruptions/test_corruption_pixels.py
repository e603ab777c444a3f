"""Every corruption at every severity against the slow restatement of its definition, the draws being passed to both."""

import cbar_oracles
import numpy as np
import pytest
import torch
from applying import (
    applied,
    channels_last,
    drawn_for,
    in_their_tables,
    photos,
    sampled,
    skip_without_opencv,
    uniform_pictures,
)
from corruption_oracles import DETERMINISTIC, to_uint8
from random_oracles import RANDOM

from robustsweep.corruptions import CORRUPTIONS, SEVERITIES

C_BAR = cbar_oracles.WITHOUT_DRAWS | cbar_oracles.WITH_DRAWS
ORACLES = DETERMINISTIC | RANDOM | C_BAR


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
    ("name", "table", "height", "width", "count"),
    in_their_tables(
        DETERMINISTIC | RANDOM,
        [("cifar", 32, 32, 2), ("cifar", 57, 40, 1), ("tiny", 64, 64, 1), ("imagenet", 224, 224, 1)]
        + [("imagenet", 120, 193, 1), ("inception", 299, 299, 1)],
    )
    + in_their_tables(
        C_BAR, [("cifar", 32, 32, 2), ("cifar", 41, 50, 1), ("tiny", 64, 64, 1), ("inception", 75, 58, 1)]
    ),
)
def test_pixels_equal_the_restatement_within_a_grey_level(name, table, height, width, count, severity):
    ours, expected = both(name, table, severity, photos(height, width, count))
    difference = np.abs(ours.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference == 0).mean() >= SHARE_EQUAL.get(name, 0.99)
    assert (ours != channels_last(photos(height, width, count))).mean() > 0.001


@pytest.mark.parametrize(("name", "table"), in_their_tables(ORACLES, [("cifar",), ("imagenet",)]))
def test_black_white_and_grey_pictures_equal_the_restatement_too(name, table):
    for severity in SEVERITIES:
        ours, expected = both(name, table, severity, uniform_pictures())
        assert np.abs(ours.astype(int) - expected).max() <= 1
