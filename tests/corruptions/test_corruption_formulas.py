"""What is known of single formulas: constants, closed forms, borders, and the building blocks they share."""

import math

import numpy as np
import pytest
import torch
from applying import applied, channels_last, photos, sampled
from corruption_oracles import jpeg_compression
from scipy import ndimage, stats

from robustsweep.corruptions import CORRUPTIONS, corrupt_batch, jpeg_round_trip
from robustsweep.corruptions.blur import gaussian
from robustsweep.corruptions.blur.defocus import disk_kernel
from robustsweep.corruptions.blur.gaussian import gaussian_blur
from robustsweep.corruptions.blur.zoom import zoom_factors
from robustsweep.corruptions.cbar import circular
from robustsweep.corruptions.digital import jpeg, pixelate
from robustsweep.corruptions.digital.elastic import reflecting_gaussian, smooth
from robustsweep.corruptions.levels import truncate
from robustsweep.corruptions.noise import alias_tables, poisson_law

CPU = torch.device("cpu")


@pytest.mark.parametrize(("height", "width"), [(40, 33), (70, 65)])
@pytest.mark.parametrize("with_opencv", [True, False])
def test_gaussian_blur_is_that_of_scipy_with_and_without_opencv(height, width, with_opencv, monkeypatch):
    if not with_opencv:
        monkeypatch.setattr(gaussian, "opencv_or_none", lambda: None)
    images = np.random.default_rng(0).integers(0, 256, (2, height, width), dtype=np.uint8)
    expected = ndimage.gaussian_filter(images.astype(float), (0, 2.3, 2.3), mode="nearest", truncate=4.0)
    for blurred in (gaussian_blur(torch.from_numpy(images), 2.3), gaussian_blur(torch.from_numpy(images).float(), 2.3)):
        assert np.abs(blurred.numpy() - expected).max() < 1e-4


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
    assert np.allclose(reflecting_gaussian(24, sigma, CPU).numpy() @ signal, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.96, 2.44, 6.4, 40.0])
def test_fields_are_smoothed_as_scipy_smooths_whether_by_shifts_or_by_matrices(sigma):
    field = np.random.default_rng(0).uniform(-1, 1, (3, 2, 40, 57)).astype(np.float32)
    expected = ndimage.gaussian_filter(field, (0, 0, sigma, sigma), mode="reflect", truncate=3.0)
    assert np.abs(smooth(torch.from_numpy(field), sigma).numpy() - expected).max() < 1e-6


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


@pytest.mark.parametrize("photons", [3, 60, 250, 500])
def test_alias_tables_hold_the_law_of_truncated_photon_counts(photons):
    count = np.arange(2000)
    levels = (np.clip(count / photons, 0, 1) * 255).astype(np.uint8)
    entries = alias_tables(photons, CPU).view(256, 256).numpy().view(np.uint32)
    for level in (0, 1, 2, 128, 254, 255):
        expected = np.bincount(levels, stats.poisson.pmf(count, level / 255 * photons), minlength=256)
        kept = (entries[level] >> 8) / 2**24
        drawn = kept / 256 + np.bincount(entries[level] & 255, (1 - kept) / 256, minlength=256)
        assert np.abs(poisson_law(photons)[level].numpy() - expected).max() < 1e-12
        assert np.abs(drawn - expected).max() < 256 * 2.0**-32


def test_impulse_noise_makes_salt_and_pepper_of_single_values():
    images = torch.full((1, 3, 32, 32), 100, dtype=torch.uint8)
    words = (torch.arange(3 * 32 * 32) * 2**32 // (3 * 32 * 32)).view(1, 3, 32, 32)
    words = words.to(torch.uint32)
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


def test_all_grey_levels_survive_truncation_and_so_does_what_rounding_left_below_them():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(truncate(levels.to(torch.float32)), levels)
    assert torch.equal(truncate(levels.to(torch.float32) - 5e-5), levels)


def test_large_images_are_turned_round_by_round_to_the_same_pixels(monkeypatch):
    images = photos(40, 57)
    by_map = applied("circular_motion_blur", "cifar", 5, images)
    monkeypatch.setattr(circular, "_LARGEST_MAP", 0)
    one_by_one = applied("circular_motion_blur", "cifar", 5, images)
    assert (by_map.int() - one_by_one.int()).abs().max() <= 1
    assert (by_map == one_by_one).double().mean() > 0.999


def test_values_are_truncated_and_not_rounded():
    assert truncate(torch.tensor([-1.0, 0.999, 1.001, 254.99, 700.0])).tolist() == [0, 0, 1, 254, 255]


@pytest.mark.parametrize("quality", [1, 7, 25, 50, 85, 95])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (40, 57), (64, 64), (90, 65), (224, 224)])
def test_a_jpeg_round_trip_is_what_pillow_makes_of_each_image_in_tensors_and_by_codec(height, width, quality):
    noise = np.random.default_rng(0).integers(0, 256, (1, 3, height, width), dtype=np.uint8)
    images = torch.cat([photos(height, width, 2), torch.from_numpy(noise), torch.from_numpy(noise // 128 * 255)])
    expected = [jpeg_compression(image, (quality,)) for image in channels_last(images) / 255]
    expected = np.rint(np.stack(expected) * 255).astype(np.uint8)
    for decoded in (jpeg_round_trip(images, quality), jpeg._in_tensors(images, quality)):
        assert np.array_equal(channels_last(decoded), expected)


@pytest.mark.parametrize("share", [0.25, 0.3, 0.4, 0.5, 0.6, 0.95])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (90, 65), (224, 224)])
def test_large_images_are_shrunk_alike_by_pillow_and_by_tensors(height, width, share, monkeypatch):
    noise = np.random.default_rng(1).integers(0, 256, (2, 3, height, width), dtype=np.uint8)
    images, small = torch.from_numpy(noise), (int(height * share), int(width * share))
    by_pillow = pixelate.box_resize(images, *small)
    monkeypatch.setattr(pixelate, "_is_large", lambda levels: False)
    assert torch.equal(pixelate.box_resize(images, *small), by_pillow)


def test_shot_noise_has_the_mean_and_variance_of_truncated_photon_counts():
    images = torch.full((40, 3, 32, 32), 64, dtype=torch.uint8)
    noisy = corrupt_batch(images, "shot_noise", 1, table="cifar", seed=0, ids=torch.arange(40)).to(torch.float64)
    counts, n = np.arange(500), noisy.numel()
    levels, weights = np.floor(counts / 500 * 255), stats.poisson(64 / 255 * 500).pmf(counts)
    mean = levels @ weights
    variance = (levels - mean) ** 2 @ weights
    # Four standard errors of each.
    assert abs(noisy.mean() - mean) < 4 * math.sqrt(variance / n)
    assert abs(noisy.var() / variance - 1) < 4 * math.sqrt(2 / n)
