"""The severity constants, written down a second time from the published generators."""

import pytest

from robustsweep.corruptions import CIFAR_C_BAR, COMMON, CORRUPTIONS, EXTRA, IMAGENET_C_BAR, TABLES
from robustsweep.errors import UsageError

# Per corruption the ImageNet-C, CIFAR-C, Tiny-ImageNet-C and 299-pixel rows, severities apart by "|".
PUBLISHED = {
    "gaussian_noise": (".08|.12|.18|.26|.38", ".04|.06|.08|.09|.10", ".04|.08|.12|.15|.18", ".09|.13|.19|.27|.40"),
    "shot_noise": ("60|25|12|5|3", "500|250|100|75|50", "250|100|50|30|15", "50|20|10|5|3"),
    "impulse_noise": (".03|.06|.09|.17|.27", ".01|.02|.03|.05|.07", ".01|.02|.05|.08|.14", ".04|.07|.10|.18|.28"),
    "speckle_noise": (".15|.2|.35|.45|.6", ".06|.1|.12|.16|.2", ".15|.2|.25|.3|.35", ".16|.21|.36|.46|.61"),
    "gaussian_blur": ("1|2|3|4|6", ".4|.6|.7|.8|1", ".5|.75|1|1.25|1.5", "1.5|2.5|3.5|4.5|6.5"),
    "defocus_blur": (
        "3 .1|4 .5|6 .5|8 .5|10 .5",
        ".3 .4|.4 .5|.5 .6|1 .2|1.5 .1",
        ".5 .6|1 .1|1.5 .1|2.5 .01|3 .1",
        "4 .1|5 .5|7 .5|10 .5|12 .5",
    ),
    "glass_blur": (
        ".7 1 2|.9 2 1|1 2 3|1.1 3 2|1.5 4 2",
        ".05 1 1|.25 1 1|.4 1 1|.25 1 2|.4 1 2",
        ".1 1 1|.5 1 1|.6 1 2|.7 2 1|.9 2 2",
        ".8 1 3|1 3 1|1.1 2 4|1.2 4 2|1.6 5 2",
    ),
    "motion_blur": (
        "10 3|15 5|15 8|15 12|20 15",
        "6 1|6 1.5|6 2|8 2|9 2.5",
        "10 1|10 1.5|10 2|10 2.5|12 3",
        "12 4|17 6|17 9|17 13|22 16",
    ),
    "zoom_blur": (
        "1.11 .01|1.16 .01|1.21 .02|1.26 .02|1.31 .03",
        "1.06 .01|1.11 .01|1.16 .01|1.21 .01|1.26 .01",
        "1.06 .01|1.11 .01|1.16 .01|1.21 .01|1.26 .01",
        "1.11 .01|1.16 .01|1.21 .02|1.26 .02|1.31 .03",
    ),
    "snow": (
        ".1 .3 3 .5 10 4 .8|.2 .3 2 .5 12 4 .7|.55 .3 4 .9 12 8 .7|.55 .3 4.5 .85 12 8 .65|.55 .3 2.5 .85 12 12 .55",
        ".1 .2 1 .6 8 3 .95|.1 .2 1 .5 10 4 .9|.15 .3 1.75 .55 10 4 .9|.25 .3 2.25 .6 12 6 .85|.3 .3 1.25 .65 14 12 .8",
        ".1 .2 1 .6 8 3 .8|.1 .2 1 .5 10 4 .8|.15 .3 1.75 .55 10 4 .7|.25 .3 2.25 .6 12 6 .65|.3 .3 1.25 .65 14 12 .6",
        ".1 .3 3 .5 10 4 .8|.2 .3 2 .5 12 4 .7|.55 .3 4 .9 12 8 .7|.55 .3 4.5 .85 12 8 .65|.55 .3 2.5 .85 12 12 .55",
    ),
    "frost": (
        "1 .4 1|.8 .6 1|.7 .7 1|.65 .7 1|.6 .75 1",
        "1 .2 .2|1 .3 .2|.9 .4 .2|.85 .4 .2|.75 .45 .2",
        "1 .3 .3|.9 .4 .3|.8 .45 .3|.75 .5 .3|.7 .55 .3",
        "1 .4 1|.8 .6 1|.7 .7 1|.65 .7 1|.6 .75 1",
    ),
    "fog": (
        "1.5 2|2 2|2.5 1.7|2.5 1.5|3 1.4",
        ".2 3|.5 3|.75 2.5|1 2|1.5 1.75",
        ".4 3|.7 3|1 2.5|1.5 2|2 1.75",
        "1.5 2|2 2|2.5 1.8|2.5 1.6|3 1.5",
    ),
    "brightness": (".1|.2|.3|.4|.5", ".05|.1|.15|.2|.3", ".1|.2|.3|.4|.5", ".1|.2|.3|.4|.5"),
    "contrast": (".4|.3|.2|.1|.05", ".75|.5|.4|.3|.15", ".4|.3|.2|.1|.05", ".4|.3|.2|.1|.05"),
    "saturate": (
        ".3 0|.1 0|2 0|5 .1|20 .2",
        ".3 0|.1 0|1.5 0|2 .1|2.5 .2",
        ".3 0|.1 0|2 0|5 .1|30 .2",
        ".3 0|.1 0|2 0|5 .1|20 .2",
    ),
    # In pixels; the generators write multiples of 244 (meant as 224), 32, 64 and 360.
    "elastic_transform": (
        "488 170.8 24.4|488 19.52 48.8|12.2 2.44 4.88|17.08 2.44 4.88|29.28 2.44 4.88",
        "0 0 2.56|1.6 6.4 2.24|2.56 1.92 1.92|3.2 1.28 1.6|3.2 .96 .96",
        "0 0 5.12|3.2 19.2 3.84|6.4 5.12 3.84|6.4 1.92 1.92|10.24 1.92 1.28",
        "720 252 36|720 28.8 72|18 3.6 7.2|25.2 3.6 7.2|43.2 3.6 7.2",
    ),
    "pixelate": (".6|.5|.4|.3|.25", ".95|.9|.85|.75|.65", ".9|.8|.7|.6|.5", ".5|.4|.3|.25|.2"),
    "jpeg_compression": ("25|18|15|10|7", "80|65|58|50|40", "65|58|50|40|25", "23|16|13|8|5"),
    "spatter": (
        ".65 .3 4 .69 .6 0|.65 .3 3 .68 .6 0|.65 .3 2 .68 .5 0|.65 .3 1 .65 1.5 1|.67 .4 1 .65 1.5 1",
        ".62 .1 .7 .7 .5 0|.65 .1 .8 .7 .5 0|.65 .3 1 .69 .5 0|.65 .1 .7 .69 .6 1|.65 .1 .5 .68 .6 1",
        ".62 .1 .7 .7 .6 0|.65 .1 .8 .7 .6 0|.65 .3 1 .69 .6 0|.65 .1 .7 .68 .6 1|.65 .1 .5 .67 .6 1",
        ".65 .3 4 .69 .9 0|.65 .3 3.5 .68 .9 0|.65 .3 3 .68 .8 0|.65 .3 1.2 .65 1.8 1|.67 .4 1.2 .65 1.8 1",
    ),
}


@pytest.mark.parametrize("name", COMMON + EXTRA)
def test_severity_constants_are_the_published_ones(name):
    assert sorted(TABLES) == ["cifar", "imagenet", "inception", "tiny"]
    for table, written in zip(("imagenet", "cifar", "tiny", "inception"), PUBLISHED[name], strict=True):
        expected = [[float(number) for number in row.split()] for row in written.split("|")]
        assert [list(row) for row in CORRUPTIONS[name].severities[table]] == [pytest.approx(row) for row in expected]


# Raw severities of CIFAR-C-bar and of ImageNet-C-bar; none where a corruption is not in the set.
PUBLISHED_C_BAR = {
    "blue_noise_sample": ("0.7 1.4 2.1 3.5 4.2", "0.8 1.6 2.4 4 5.6"),
    "brownish_noise": ("2.5 4 5.5 6.5 7", "1 2 3 4 5"),
    "checkerboard_cutout": ("1 2 3 4 5", "2 3 4 5 6"),
    "inverse_sparkles": ("1 1.5 2.5 4.5 5", "1 2 4 9 10"),
    "sparkles": ("0.7 3.5 5.6 6.3 7", "1 2 3 5 6"),
    "pinch_and_twirl": ("5.5 6 6.5 8.5 10", ""),
    "ripple": ("5.5 6 6.5 7.5 8", ""),
    "circular_motion_blur": ("2.8 3.6 4.4 5.2 6", ""),
    "lines": ("0.5 1 1.5 2 2.5", ""),
    "transverse_chromatic_abberation": ("1 2 5 9 10", ""),
    "caustic_refraction": ("", "2.35 3.2 4.9 6.6 9.15"),
    "perlin_noise": ("", "4.6 5.2 5.8 7.6 8.8"),
    "plasma_noise": ("", "4.75 7 8.5 9.25 10"),
    "cocentric_sine_waves": ("", "3 5 8 9 10"),
    "single_frequency_greyscale": ("", "1 1.5 2 4.5 5"),
}


def test_c_bar_has_the_published_severities_and_imagenets_at_other_sizes():
    assert sorted(PUBLISHED_C_BAR) == sorted({*CIFAR_C_BAR, *IMAGENET_C_BAR})
    for name, (cifar, imagenet) in PUBLISHED_C_BAR.items():
        written = {"cifar": cifar} | dict.fromkeys(("tiny", "imagenet", "inception"), imagenet)
        expected = {table: tuple((float(one),) for one in row.split()) for table, row in written.items() if row}
        assert CORRUPTIONS[name].severities == expected
        assert (bool(cifar), bool(imagenet)) == (name in CIFAR_C_BAR, name in IMAGENET_C_BAR)


def test_a_table_without_constants_is_refused_and_passed_over_by_size():
    with pytest.raises(UsageError, match="ripple has no severities in the table imagenet: none are published"):
        CORRUPTIONS["ripple"].parameters("imagenet", 1)
    assert CORRUPTIONS["ripple"].nearest_table(224, 300) == "cifar"
    assert CORRUPTIONS["perlin_noise"].nearest_table(32, 32) == "tiny"
    assert CORRUPTIONS["sparkles"].nearest_table(32, 224) == "cifar"
