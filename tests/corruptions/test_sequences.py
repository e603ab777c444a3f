"""The ten sequences of CIFAR-P: properties of all, and each against a restatement or a library."""

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from robustsweep.corruptions.blur.gaussian import gaussian_blur
from robustsweep.corruptions.blur.motion import motion_blur
from robustsweep.corruptions.noise import GAUSSIAN_NOISE, SHOT_NOISE
from robustsweep.corruptions.sequences import PERTURBATIONS
from robustsweep.corruptions.sequences.warps import perspective_matrix
from robustsweep.corruptions.weather.spatter import water_mask
from robustsweep.draws import Draws
from robustsweep.errors import DataError
from robustsweep.results.corruption_names.sequences import FRAMES

IDS = torch.tensor([4, 0, 2**40, -9])


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Two images of noise, two that are smooth."""
    values = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0)).float()
    smooth = torch.nn.functional.avg_pool2d(values[2:], 7, 1, 3, count_include_pad=False)
    values[2:] = (smooth - smooth.amin()) / (smooth.amax() - smooth.amin()) * 255
    return values.to(torch.uint8)


def made(images: Tensor, name: str, seed: int = 3, ids: Tensor = IDS) -> Tensor:
    return PERTURBATIONS[name].sequence(images, seed=seed, ids=ids)


def test_the_names_and_frames_are_those_of_tables():
    assert {name: one.n_frames for name, one in PERTURBATIONS.items()} == dict(FRAMES)
    assert list(PERTURBATIONS) == list(FRAMES)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_sequences_belong_to_images(images, name):
    before, whole = images.clone(), made(images, name)
    assert (whole.dtype, whole.shape) == (torch.uint8, (4, FRAMES[name], 3, 32, 32))
    assert torch.equal(made(images, name), whole)
    alone = torch.cat([made(images[k : k + 1], name, ids=IDS[k : k + 1]) for k in (3, 0)])
    assert torch.equal(alone, whole[[3, 0]])
    assert torch.equal(images, before)
    is_drawn = name in ("gaussian_noise", "shot_noise", "spatter")
    assert torch.equal(made(images, name, seed=4), whole) != is_drawn
    assert (whole[:, 1:] != whole[:, :-1]).flatten(2).any(dim=2).all()


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        *(("gaussian_noise", 0), ("shot_noise", 0), ("zoom_blur", 0)),
        *(("brightness", 15), ("translate", 7), ("rotate", 15), ("scale", 15)),
    ],
)
def test_one_frame_is_the_image_itself(images, name, frame):
    assert torch.equal(made(images, name)[:, frame], images)


@pytest.mark.parametrize(
    ("name", "corruption", "strength"), [("gaussian_noise", GAUSSIAN_NOISE, 0.02), ("shot_noise", SHOT_NOISE, 700.0)]
)
def test_each_frame_of_a_noise_is_drawn_anew(images, name, corruption, strength):
    draws = Draws(3, f"sequence/cifar/{name}", IDS)
    found = made(images, name)
    for frame in (1, 2):
        fields = corruption.sample(draws, (3, 32, 32), (strength,))
        assert torch.equal(found[:, frame], corruption.apply(images, (strength,), fields))
    # Levels change by the noise's spread, in the middle of the range.
    grey = torch.full((4, 3, 32, 32), 128, dtype=torch.uint8)
    spread = (made(grey, name)[:, 1:].double() - 127.5).std().item()
    expected = 255 * (0.02 if name == "gaussian_noise" else np.sqrt(128 / 255 / 700))
    assert spread == pytest.approx(expected, rel=0.03)


def transformed(image: Tensor, degrees: float, scale: float) -> np.ndarray:
    """Pillow's own transform, with the matrix of torchvision's affine of 2018."""
    angle, centre = np.deg2rad(degrees), 16.5
    (a, b), (c, d) = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    matrix = (a, b, centre - (a + b) * centre, c, d, centre - (c + d) * centre)
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    return np.asarray(picture.transform((32, 32), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


@pytest.mark.parametrize("name", ["rotate", "scale", "zoom_blur"])
def test_affine_frames_are_pillows(images, name):
    found = made(images, name).permute(0, 1, 3, 4, 2).numpy().astype(int)
    total = images.permute(0, 2, 3, 1).numpy().astype(int)
    differing = []
    for frame in range(1 if name == "zoom_blur" else 0, 31):
        degrees = frame - 15 if name == "rotate" else 0
        scale = {"rotate": 1, "scale": (2 * frame + 70) / 100, "zoom_blur": 1 + 0.004 * frame}[name]
        expected = np.stack([transformed(image, degrees, scale) for image in images]).astype(int)
        if name == "zoom_blur":
            total = total + expected
            expected = total // (frame + 1)
        differing.append(np.abs(found[:, frame] - expected))
    assert np.max(differing) <= 1
    assert np.mean(np.array(differing) > 0) < 0.01


def test_tilted_frames_are_opencvs(images):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    found = made(images, "tilt").permute(0, 1, 3, 4, 2).numpy().astype(int)
    for frame in (0, 9, 15, 22, 30):
        matrix = perspective_matrix(0.75 * (frame - 15))
        for k, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
            warped = cv2.warpPerspective(np.ascontiguousarray(image), matrix, (32, 32)).astype(int)
            # OpenCV before version 5 rounds the points to 1/32 pixel.
            assert np.abs(warped - found[k, frame]).mean() < 2


def test_translation_leaves_black_behind(images):
    found = made(images, "translate")
    assert torch.equal(found[:, 0, :, :, :25], images[..., 7:])
    assert not found[:, 0, :, :, 25:].any()
    assert torch.equal(found[:, 15, :, :, 8:], images[..., :24])
    assert not found[:, 15, :, :, :8].any()


def test_brightness_moves_the_value_of_hsv(images):
    found = made(images, "brightness")
    for frame in (0, 8, 30):
        for row, column in ((0, 0), (5, 17), (31, 2)):
            red, green, blue = (images[0, :, row, column] / 255).tolist()
            hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
            value = min(max(value + (frame - 15) * 0.015, 0), 1)
            expected = np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255
            assert np.abs(found[0, frame, :, row, column].numpy() - expected).max() < 1.001


def test_the_direction_of_motion_turns_by_nine_degrees(images):
    found = made(images, "motion_blur")
    for frame in (0, 13, 20):
        degrees = torch.full((4,), 9.0 * (frame - 20), dtype=torch.float64)
        assert torch.equal(found[:, frame], motion_blur(images, degrees, 6, 1.8))


def test_water_runs_down(images):
    layer = gaussian_blur(Draws(3, "sequence/cifar/spatter", IDS).normal(32, 32), 1.75).double().numpy() * 0.265 + 0.6
    found = made(images, "spatter").numpy().astype(int)
    for k, image in enumerate(images.numpy()):
        liquid = np.where(layer[k] > 0.7, layer[k], 0)
        for frame in range(8):
            mask = water_mask((liquid * 255).astype(np.uint8)) * 0.6
            expected = np.clip(image + mask * np.array([175, 238, 238])[:, None, None], 0, 255).astype(int)
            assert np.abs(found[k, frame] - expected).max() <= 1
            smear = [np.convolve(column, [0.2, 0.8], mode="same") for column in liquid.T]
            liquid = np.stack(smear, axis=1)


def test_other_images_are_refused(images):
    for wrong in (images.float(), images[:, :, :31], images[:, :1]):
        with pytest.raises(DataError, match=r"Sequences need uint8 images of shape \(N, 3, 32, 32\)"):
            made(wrong, "tilt")
