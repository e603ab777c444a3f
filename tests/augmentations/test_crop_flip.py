import pytest
import torch
from torchvision.transforms.v2 import functional as v2

from robustsweep.augmentations.crop_flip import crop_flip, sample_crop_flip
from robustsweep.draws import Draws


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_each_image_is_cropped_and_mirrored_as_drawn(dtype: torch.dtype) -> None:
    images = torch.randint(256, (40, 3, 20, 32), generator=torch.Generator().manual_seed(0)).to(dtype)
    sample = sample_crop_flip(Draws(0, "crop-flip/0", torch.arange(40)), 4, flip=True)
    cropped = crop_flip(images, sample, 4)
    assert cropped.dtype == dtype
    assert cropped.is_contiguous(memory_format=torch.channels_last)
    for image, result, (top, left, mirrored) in zip(images, cropped, sample.tolist(), strict=True):
        wanted = v2.crop(v2.pad(image, [4]), top, left, 20, 32)
        assert torch.equal(result, v2.horizontal_flip(wanted) if mirrored else wanted)


def test_offsets_are_uniform_and_half_of_the_images_are_mirrored() -> None:
    sample = sample_crop_flip(Draws(0, "crop-flip/0", torch.arange(9000)), 4, flip=True)
    for axis in (0, 1):
        counts = torch.bincount(sample[:, axis], minlength=9).double()
        assert len(counts) == 9
        assert float(((counts - 1000) ** 2 / 1000).sum()) < 26.1  # chi-square, 8 degrees of freedom, 0.1%
    assert abs(float(sample[:, 2].double().mean()) - 0.5) < 0.02


def test_images_that_must_not_be_mirrored_are_not() -> None:
    sample = sample_crop_flip(Draws(0, "crop-flip/0", torch.arange(500)), 0, flip=False)
    assert not sample.any()
    images = torch.randint(256, (500, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    assert torch.equal(crop_flip(images, sample, 0), images)


def test_the_same_ids_give_the_same_draws_in_any_batch() -> None:
    together = sample_crop_flip(Draws(5, "crop-flip/2", torch.arange(9)), 4, flip=True)
    alone = sample_crop_flip(Draws(5, "crop-flip/2", torch.tensor([7])), 4, flip=True)
    assert torch.equal(together[7:8], alone)
