"""What is known of single formulas: constants, closed forms, borders, and the building blocks they share."""

import numpy as np
import pytest
import torch
from applying import applied, channels_last, photos, sampled
from corruption_oracles import jpeg_compression
from scipy import ndimage, stats

from robustsweep.corruptions import CORRUPTIONS, corrupt, jpeg_round_trip
from robustsweep.corruptions.defocus import disk_kernel
from robustsweep.corruptions.elastic import reflecting_gaussian
from robustsweep.corruptions.gaussian import gaussian_blur
from robustsweep.corruptions.levels import grey_levels, truncate, unit_range
from robustsweep.corruptions.noise import poisson_thresholds
from robustsweep.corruptions.zoom import zoom_factors


def test_gaussian_blur_sums_in_the_order_of_scipy():
    images = torch.from_numpy(np.random.default_rng(0).uniform(size=(2, 40, 33)))
    expected = ndimage.gaussian_filter(images.numpy(), (0, 2.3, 2.3), mode="nearest", truncate=4.0)
    assert np.array_equal(gaussian_blur(images, 2.3).numpy(), expected)


def test_glass_blur_draws_offsets_without_the_upper_end():
    (offsets,) = sampled("glass_blur", "imagenet", 5, (3, 32, 32), torch.arange(8))
    assert (offsets.min(), offsets.max()) == (-4, 3)


def test_elastic_transform_agrees_with_opencv_up_to_its_rounding_of_coordinates():
    cv2 = pytest.importorskip("cv2", exc_type=ImportError)
    images = photos(count=1)
    fields = sampled("elastic_transform", "cifar", 1, (3, 32, 32), torch.arange(1))
    ours = channels_last(applied("elastic_transform", "cifar", 1, images, fields))
    anchors = np.float32([[26, 26], [26, 6], [6, 6]])
    affine = cv2.getAffineTransform(anchors, anchors + fields[0][0].numpy().astype(np.float32))
    image = (channels_last(images)[0] / 255).astype(np.float32)
    warped = cv2.warpAffine(image, affine, (32, 32), borderMode=cv2.BORDER_REFLECT_101)
    assert np.abs(ours[0] - warped * 255.0).mean() < 1.0


@pytest.mark.parametrize("sigma", [0.96, 6.4, 40.0])
def test_reflecting_gaussian_folds_weights_as_often_as_needed(sigma):
    signal = np.random.default_rng(0).uniform(size=24)
    expected = ndimage.gaussian_filter(signal, sigma, mode="reflect", truncate=3.0)
    assert np.allclose(reflecting_gaussian(24, sigma).numpy() @ signal, expected, rtol=0, atol=1e-12)


def test_water_brightens_in_pale_turquoise_and_leaves_dry_pixels_alone():
    pytest.importorskip("cv2", exc_type=ImportError)
    images = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    fields = sampled("spatter", "cifar", 3, (3, 32, 32), torch.arange(2))
    ours = channels_last(applied("spatter", "cifar", 3, images, fields)).astype(int)
    wet = ours[..., 1] > 0
    assert 0.02 < wet.mean() < 0.9
    assert np.array_equal(ours[..., 1], ours[..., 2])
    assert ours[..., 1].max() == 119  # half of 238, where the mask is brightest
    assert np.abs(ours[wet][:, 0] - ours[wet][:, 1] * (175 / 238)).max() <= 1
    dry = torch.full((2, 32, 32), -5.0)
    assert not applied("spatter", "cifar", 1, images, (dry,)).any()


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
    ours = channels_last(applied("shot_noise", "imagenet", 5, images, (words,)))
    assert (ours[0, ..., 0] == 255).all()
    # The median of Poisson(1.506) is 1 photon of 3.
    assert (ours[0, :2, :, 1] == 85).all()
    assert (ours[0, 2:, :, 1] == 0).all()
    assert (ours[0, ..., 2] == 0).all()


def test_impulse_noise_makes_salt_and_pepper_of_single_values():
    images = torch.full((1, 3, 32, 32), 100, dtype=torch.uint8)
    words = (torch.arange(3 * 32 * 32) * 2**32 // (3 * 32 * 32)).view(1, 3, 32, 32)
    ours = channels_last(applied("impulse_noise", "imagenet", 5, images, (words,)))
    assert abs((ours == 255).mean() - 0.135) < 1e-3
    assert abs((ours == 0).mean() - 0.135) < 1e-3
    assert (ours[0, ..., 2] == 100).all()


def test_the_largest_defocus_kernels_sum_to_more_than_one():
    sums = [disk_kernel(*row).sum() for row in CORRUPTIONS["defocus_blur"].severities["imagenet"]]
    assert np.allclose(sums, [1, 1, 1, 1.01298, 1.01079], atol=1e-5)
    assert np.isclose(disk_kernel(0.3, 0.4)[8, 8], 0.84497, atol=1e-5)


def test_zoom_lists_end_where_float_ranges_end():
    for table, counts in (("imagenet", [12, 16, 11, 13, 11]), ("cifar", [7, 12, 16, 21, 26])):
        assert [len(zoom_factors(*row)) for row in CORRUPTIONS["zoom_blur"].severities[table]] == counts


def test_saturate_turns_grey_red_and_brightness_lifts_black_to_grey():
    grey = torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)
    assert applied("saturate", "cifar", 4, grey)[0, :, 0, 0].tolist() == [128, 115, 115]
    assert applied("brightness", "imagenet", 1, grey * 0)[0, :, 0, 0].tolist() == [25, 25, 25]


def test_all_grey_levels_survive_the_way_there_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(truncate(unit_range(levels)), levels)
    assert torch.equal(grey_levels(unit_range(levels)), levels.to(torch.int32))


def test_values_are_truncated_and_not_rounded():
    assert truncate(torch.tensor([-1.0, 0.9999 / 255, 1.0001 / 255, 0.9999, 7.0])).tolist() == [0, 0, 1, 254, 255]


def test_a_jpeg_round_trip_is_what_pillow_makes_of_each_image():
    images = photos(count=3)
    expected = [jpeg_compression(image, (85,)) for image in channels_last(images) / 255]
    ours = jpeg_round_trip(images, 85).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(ours, np.rint(np.stack(expected) * 255).astype(np.uint8))


def test_shot_noise_has_the_mean_and_variance_of_photon_counting():
    images = torch.full((40, 3, 32, 32), 64, dtype=torch.uint8)
    noisy = corrupt(images, "shot_noise", 1, table="cifar", seed=0, ids=torch.arange(40)).to(torch.float64) / 255
    assert abs(noisy.mean() - 64 / 255 + 0.5 / 255) < 4e-4
    assert abs(noisy.var() / (64 / 255 / 500) - 1) < 0.03
