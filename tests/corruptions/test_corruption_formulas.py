"""Every formula against a slow restatement of its definition."""

import corruption_oracles as oracles
import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from robustsweep.corruptions import CORRUPTIONS, SEVERITIES, corrupt, jpeg_round_trip
from robustsweep.corruptions.defocus import disk_kernel
from robustsweep.corruptions.elastic import reflecting_gaussian
from robustsweep.corruptions.gaussian import gaussian_blur
from robustsweep.corruptions.levels import grey_levels, truncate, unit_range
from robustsweep.corruptions.noise import poisson_thresholds
from robustsweep.corruptions.zoom import zoom_factors
from robustsweep.draws import Draws


def photos(size=32, count=2, seed=0):
    """Smooth blobs, noise, flat patches, black, white and grey: uint8 (count, 3, size, size)."""
    random = np.random.default_rng(seed)
    images = ndimage.gaussian_filter(random.normal(size=(count, 3, size, size)), (0, 0, 3, 3)) * 5 + 0.5
    images += random.normal(size=images.shape) * 0.05
    third = size // 3
    images[:, :, :third, :third] = random.uniform(size=(count, 3, 1, 1))
    images[:, :, -third:, :third] = random.uniform(size=(count, 1, third, third))
    images[:, :, :third, -third:] = 1.0
    images[:, :, -5:, -5:] = 0.0
    return torch.from_numpy((images.clip(0, 1) * 255).astype(np.uint8))


def as_array(images):
    return images.permute(0, 2, 3, 1).numpy() / 255


def applied(name, table, severity, images, fields=()):
    corruption = CORRUPTIONS[name]
    parameters = corruption.parameters(table, severity)
    return truncate(corruption.apply(unit_range(images), parameters, fields)).permute(0, 2, 3, 1).numpy(), parameters


def sampled(name, table, severity, images):
    corruption = CORRUPTIONS[name]
    draws = Draws(3, "test", torch.arange(len(images)))
    return corruption.sample(draws, tuple(images.shape[1:]), corruption.parameters(table, severity))


def assert_same_pixels(ours, expected, within=1, share_equal=0.98):
    difference = np.abs(ours.astype(int) - expected.astype(int))
    assert difference.max() <= within
    assert (difference == 0).mean() >= share_equal


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("table", ["cifar", "tiny", "imagenet", "inception"])
@pytest.mark.parametrize("name", list(oracles.DETERMINISTIC))
def test_formulas_without_randomness_equal_their_restatement(name, table, severity):
    images = photos(48 if table == "inception" else 32)
    ours, parameters = applied(name, table, severity, images)
    expected = [oracles.to_uint8(oracles.DETERMINISTIC[name](image, parameters)) for image in as_array(images)]
    # Ties: grey plus a round shift falls on a whole grey level, where the last bit decides.
    assert_same_pixels(ours, np.stack(expected), share_equal=1.0 if name in ("pixelate", "jpeg_compression") else 0.9)


def test_gaussian_blur_sums_in_the_order_of_scipy():
    images = torch.from_numpy(np.random.default_rng(0).uniform(size=(2, 40, 33)))
    expected = ndimage.gaussian_filter(images.numpy(), (0, 2.3, 2.3), mode="nearest", truncate=4.0)
    assert np.array_equal(gaussian_blur(images, 2.3).numpy(), expected)


@pytest.mark.parametrize(("table", "severity"), [("cifar", 1), ("cifar", 5), ("tiny", 5), ("imagenet", 5)])
def test_glass_blur_equals_copying_one_pixel_after_the_other(table, severity):
    images = photos()
    fields = sampled("glass_blur", table, severity, images)
    ours, parameters = applied("glass_blur", table, severity, images, fields)
    expected = [
        oracles.to_uint8(oracles.glass_blur(image, parameters, offsets.numpy()))
        for image, offsets in zip(as_array(images), fields[0], strict=True)
    ]
    assert_same_pixels(ours, np.stack(expected))


def test_glass_blur_draws_offsets_without_the_upper_end():
    (offsets,) = sampled("glass_blur", "imagenet", 5, photos(count=8))
    assert (offsets.min(), offsets.max()) == (-4, 3)


@pytest.mark.parametrize(("table", "severity"), [("cifar", 1), ("cifar", 5), ("imagenet", 1)])
def test_motion_blur_equals_its_restatement_pixel_by_pixel(table, severity):
    images = photos(count=3)
    fields = sampled("motion_blur", table, severity, images)
    assert ((fields[0] >= -45) & (fields[0] < 45)).all()
    ours, parameters = applied("motion_blur", table, severity, images, fields)
    expected = [
        oracles.to_uint8(oracles.motion_blur(image, parameters, float(degrees)))
        for image, degrees in zip(as_array(images), fields[0], strict=True)
    ]
    assert np.array_equal(ours, np.stack(expected))


@pytest.mark.parametrize(("table", "severity"), [("cifar", 1), ("cifar", 4), ("imagenet", 4)])
def test_snow_equals_its_restatement_with_a_whole_flake_field(table, severity):
    images = photos()
    flakes, degrees = sampled("snow", table, severity, images)
    assert ((degrees >= -135) & (degrees < -45)).all()
    ours, parameters = applied("snow", table, severity, images, (flakes, degrees))
    field = np.full((2, 32, 32), 9.0)
    start, size = (32 - flakes.shape[1]) // 2, flakes.shape[1]
    field[:, start : start + size, start : start + size] = flakes.numpy()
    expected = [
        oracles.to_uint8(oracles.snow(*item))
        for item in zip(as_array(images), [parameters] * 2, field, degrees.tolist(), strict=True)
    ]
    assert_same_pixels(ours, np.stack(expected))


@pytest.mark.parametrize(("table", "severity"), [("cifar", 1), ("cifar", 5), ("imagenet", 5)])
def test_fog_equals_its_restatement_point_by_point(table, severity):
    images = photos()
    fields = sampled("fog", table, severity, images)
    ours, parameters = applied("fog", table, severity, images, fields)
    expected = [
        oracles.to_uint8(oracles.fog(image, parameters, [level[index].numpy() for level in fields]))
        for index, image in enumerate(as_array(images))
    ]
    assert_same_pixels(ours, np.stack(expected))


@pytest.mark.parametrize(
    ("table", "severity"), [("cifar", 1), ("cifar", 2), ("cifar", 5), ("imagenet", 1), ("imagenet", 2), ("imagenet", 4)]
)
def test_elastic_transform_equals_its_restatement(table, severity):
    images = photos()
    fields = sampled("elastic_transform", table, severity, images)
    ours, parameters = applied("elastic_transform", table, severity, images, fields)
    expected = [
        oracles.to_uint8(oracles.elastic_transform(image, parameters, *(field[index].numpy() for field in fields)))
        for index, image in enumerate(as_array(images))
    ]
    assert_same_pixels(ours, np.stack(expected))


def test_elastic_transform_agrees_with_opencv_up_to_its_rounding_of_coordinates():
    cv2 = pytest.importorskip("cv2", exc_type=ImportError)
    images = photos(count=1)
    fields = sampled("elastic_transform", "cifar", 1, images)
    ours, _ = applied("elastic_transform", "cifar", 1, images, fields)
    anchors = np.float32([[26, 26], [26, 6], [6, 6]])
    affine = cv2.getAffineTransform(anchors, anchors + fields[0][0].numpy().astype(np.float32))
    image = as_array(images)[0].astype(np.float32)
    warped = cv2.warpAffine(image, affine, (32, 32), borderMode=cv2.BORDER_REFLECT_101)
    assert np.abs(ours[0] - warped * 255.0).mean() < 1.0


@pytest.mark.parametrize("sigma", [0.96, 6.4, 40.0])
def test_reflecting_gaussian_folds_weights_as_often_as_needed(sigma):
    signal = np.random.default_rng(0).uniform(size=24)
    expected = ndimage.gaussian_filter(signal, sigma, mode="reflect", truncate=3.0)
    assert np.allclose(reflecting_gaussian(24, sigma).numpy() @ signal, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("severity", [4, 5])
def test_mud_equals_its_restatement(severity):
    images = photos()
    fields = sampled("spatter", "cifar", severity, images)
    ours, parameters = applied("spatter", "cifar", severity, images, fields)
    expected = [
        oracles.to_uint8(oracles.mud(image, parameters, fields[0][index].numpy().astype(float)))
        for index, image in enumerate(as_array(images))
    ]
    assert_same_pixels(ours, np.stack(expected))
    assert (ours != images.permute(0, 2, 3, 1).numpy()).any()


def test_water_brightens_in_pale_turquoise_and_leaves_dry_pixels_alone():
    pytest.importorskip("cv2", exc_type=ImportError)
    images = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    ours, _ = applied("spatter", "cifar", 3, images, sampled("spatter", "cifar", 3, images))
    wet = ours[..., 1] > 0
    assert 0.02 < wet.mean() < 0.9
    assert np.array_equal(ours[..., 1], ours[..., 2])
    assert ours[..., 1].max() == 119  # half of 238, where the mask is brightest
    assert np.abs(ours[wet][:, 0] - ours[wet][:, 1] * (175 / 238)).max() <= 1
    dry = torch.full((2, 32, 32), -5.0)
    assert not applied("spatter", "cifar", 1, images, (dry,))[0].any()


@pytest.mark.parametrize("photons", [3, 60, 500])
def test_poisson_thresholds_are_the_distribution_functions_of_scipy(photons):
    table = poisson_thresholds(photons).view(256, photons)
    for level in (0, 1, 128, 255):
        expected = stats.poisson.cdf(np.arange(photons), level / 255 * photons) * 2.0**32
        assert np.abs((table[level] - level * 2**33).numpy() - expected).max() < 2


def test_shot_noise_counts_photons_by_inversion():
    images = torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)
    words = torch.zeros((1, 3, 32, 32), dtype=torch.int64)
    words[0, 0], words[0, 1, 0] = 2**32 - 1, 2**31
    # The word at the edge of the first interval belongs to the second.
    words[0, 1, 1] = poisson_thresholds(3)[128 * 3] - 128 * 2**33
    words[0, 1, 2] = words[0, 1, 1] - 1
    ours, parameters = applied("shot_noise", "imagenet", 5, images, (words,))
    assert parameters == (3.0,)
    assert (ours[0, ..., 0] == 255).all()
    # The median of Poisson(1.506) is 1 photon of 3.
    assert (ours[0, :2, :, 1] == 85).all()
    assert (ours[0, 2:, :, 1] == 0).all()
    assert (ours[0, ..., 2] == 0).all()


def test_impulse_noise_makes_salt_and_pepper_of_single_values():
    images = torch.full((1, 3, 32, 32), 100, dtype=torch.uint8)
    words = (torch.arange(3 * 32 * 32) * 2**32 // (3 * 32 * 32)).view(1, 3, 32, 32)
    ours, _ = applied("impulse_noise", "imagenet", 5, images, (words,))
    assert abs((ours == 255).mean() - 0.135) < 1e-3
    assert abs((ours == 0).mean() - 0.135) < 1e-3
    assert (ours[0, ..., 2] == 100).all()


def test_gaussian_and_speckle_noise_scale_the_drawn_field():
    images = photos()
    normal = torch.from_numpy(np.random.default_rng(0).normal(size=images.shape).astype(np.float32))
    clean = as_array(images)
    field = normal.permute(0, 2, 3, 1).numpy().astype(float)
    for name, expected in (("gaussian_noise", clean + 0.26 * field), ("speckle_noise", clean * (1 + 0.45 * field))):
        ours, _ = applied(name, "imagenet", 4, images, (normal,))
        assert_same_pixels(ours, oracles.to_uint8(expected), share_equal=0.999)


def test_the_largest_defocus_kernels_sum_to_more_than_one():
    sums = [disk_kernel(*row).sum() for row in CORRUPTIONS["defocus_blur"].severities["imagenet"]]
    assert np.allclose(sums, [1, 1, 1, 1.01298, 1.01079], atol=1e-5)
    assert np.isclose(disk_kernel(0.3, 0.4)[8, 8], 0.84497, atol=1e-5)


def test_zoom_lists_end_where_float_ranges_end():
    for table, counts in (("imagenet", [12, 16, 11, 13, 11]), ("cifar", [7, 12, 16, 21, 26])):
        assert [len(zoom_factors(*row)) for row in CORRUPTIONS["zoom_blur"].severities[table]] == counts


def test_saturate_turns_grey_red_and_brightness_lifts_black_to_grey():
    grey = torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)
    assert applied("saturate", "cifar", 4, grey)[0][0, 0, 0].tolist() == [128, 115, 115]
    assert applied("brightness", "imagenet", 1, grey * 0)[0][0, 0, 0].tolist() == [25, 25, 25]


def test_all_grey_levels_survive_the_way_there_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(truncate(unit_range(levels)), levels)
    assert torch.equal(grey_levels(unit_range(levels)), levels.to(torch.int32))


def test_values_are_truncated_and_not_rounded():
    assert truncate(torch.tensor([-1.0, 0.9999 / 255, 1.0001 / 255, 0.9999, 7.0])).tolist() == [0, 0, 1, 254, 255]


def test_a_jpeg_round_trip_is_what_pillow_makes_of_each_image():
    images = photos(40, 3)
    expected = [oracles.jpeg_compression(image, (85,)) for image in as_array(images)]
    ours = jpeg_round_trip(images, 85).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(ours, np.rint(np.stack(expected) * 255).astype(np.uint8))


def test_shot_noise_has_the_mean_and_variance_of_photon_counting():
    images = torch.full((40, 3, 32, 32), 64, dtype=torch.uint8)
    noisy = corrupt(images, "shot_noise", 1, table="cifar", seed=0, ids=torch.arange(40)).to(torch.float64) / 255
    assert abs(noisy.mean() - 64 / 255 + 0.5 / 255) < 4e-4
    assert abs(noisy.var() / (64 / 255 / 500) - 1) < 0.03
