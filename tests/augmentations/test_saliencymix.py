from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.augmentations.mixes.saliency.saliencymix import SaliencyMix
from robustsweep.augmentations.parts.saliency import fine_grained_saliency


def images(n: int, height: int, width: int) -> Tensor:
    """Smooth blobs with noise: one clear maximum."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randn(n, 3, 5, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    return smooth + 0.2 * torch.randn(n, 3, height, width, generator=generator)


def slow_saliency(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The definition, pixel by pixel: image (3, H, W)."""
    grey = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    for _ in range(2):
        for axis in (0, 1):
            width = [(1, 1) if each == axis else (0, 0) for each in (0, 1)]
            padded, n = np.pad(grey, width, mode="reflect"), grey.shape[axis]
            first, middle, last = (np.take(padded, range(i, i + n), axis) for i in range(3))
            grey = 0.25 * first + 0.5 * middle + 0.25 * last
    height, width_px = grey.shape
    on, off = np.zeros_like(grey), np.zeros_like(grey)
    for reach in (12, 24, 48, 28, 56, 112):
        for y in range(height):
            for x in range(width_px):
                window = grey[max(0, y - reach + 1) : y + reach + 1, max(0, x - reach + 1) : x + reach + 1]
                contrast = grey[y, x] - (window.sum() - grey[y, x]) / (window.size - 1)
                on[y, x] += max(contrast, 0.0)
                off[y, x] += max(-contrast, 0.0)
    return np.asarray(on / on.max() + off / off.max())


@pytest.mark.parametrize("size", [(32, 32), (20, 27), (40, 60)])
def test_saliency_is_that_of_the_definition(size: tuple[int, int]) -> None:
    batch = images(2, *size)
    found = fine_grained_saliency(batch)
    for image, saliency in zip(batch, found, strict=True):
        assert np.allclose(saliency.numpy(), slow_saliency(image.double().numpy()), atol=1e-4)


def test_saliency_agrees_with_opencv_up_to_its_bytes() -> None:
    cv2: Any = pytest.importorskip("cv2", reason="OpenCV is not installed")
    if not hasattr(cv2, "saliency"):
        pytest.skip("this OpenCV has no saliency module (opencv-contrib-python has)")
    batch = (images(4, 64, 48) * 40 + 128).clamp(0, 255).to(torch.uint8)
    oracle = cv2.saliency.StaticSaliencyFineGrained_create()
    found = fine_grained_saliency(batch.float())
    for image, saliency in zip(batch, found, strict=True):
        _, wanted = oracle.computeSaliency(np.ascontiguousarray(image.flip(0).permute(1, 2, 0).numpy()))
        wanted = np.asarray(wanted, dtype=np.float64)
        assert np.corrcoef(wanted.ravel(), saliency.numpy().ravel())[0, 1] > 0.98


def test_saliency_of_one_image_does_not_depend_on_the_batch_nor_on_an_affine_change() -> None:
    batch = images(4, 32, 32)
    found = fine_grained_saliency(batch)
    assert torch.allclose(fine_grained_saliency(batch[1:2]), found[1:2], atol=1e-6)
    assert torch.allclose(fine_grained_saliency(3 * batch + 5), found, atol=1e-3)


def test_a_flat_image_has_no_saliency_and_is_mixed_all_the_same() -> None:
    flat = torch.full((2, 3, 32, 32), 0.25)
    assert not fine_grained_saliency(flat).any()
    mask, _ = SaliencyMix().blend(torch.tensor([[0.5], [0.5]], dtype=torch.float64), flat)
    assert (1 - mask).sum((1, 2, 3)).tolist() == [22 * 22, 22 * 22]


def test_grey_images_have_the_saliency_of_equal_channels() -> None:
    grey = images(2, 32, 32)[:, :1]
    assert torch.allclose(fine_grained_saliency(grey), fine_grained_saliency(grey.expand(-1, 3, -1, -1)), atol=1e-5)


@pytest.mark.parametrize("border", ["shift", "clip"])
def test_the_box_covers_the_partners_most_salient_pixel(border: Literal["shift", "clip"]) -> None:
    partners = images(64, 20, 32)
    own = torch.linspace(0, 0.95, 64, dtype=torch.float64).unsqueeze(1)
    mask, pasted = SaliencyMix(border=border).blend(own, partners)
    assert pasted is partners
    boxes = set()
    for window, saliency, weight in zip(1 - mask[:, 0], fine_grained_saliency(partners), own[:, 0], strict=True):
        y, x = divmod(int(saliency.argmax()), 32)
        half_rows, half_columns = int(float(1 - weight) ** 0.5 * 20) // 2, int(float(1 - weight) ** 0.5 * 32) // 2
        top, left = y - half_rows, x - half_columns
        bottom, right = y + half_rows, x + half_columns
        if border == "shift":
            down, aside = max(-top, 0) - max(bottom - 20, 0), max(-left, 0) - max(right - 32, 0)
            top, bottom, left, right = top + down, bottom + down, left + aside, right + aside
        wanted = torch.zeros(20, 32)
        wanted[max(top, 0) : bottom, max(left, 0) : right] = 1
        assert torch.equal(window, wanted)
        assert window[y, x] == 1
        boxes.add((top, left))
    assert len(boxes) > 20
