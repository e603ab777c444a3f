"""Training runs on photos that are read as the training goes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as v2

from robustsweep.augmentations.baseline import Baseline
from robustsweep.augmentations.mixes.cutmix import CutMix
from robustsweep.augmentations.random_resized_crop import Part
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.errors import DataError
from robustsweep.training.images.data_images import limited, load_images, open_training_data
from robustsweep.training.images.streamed import StreamedImages, resized_part
from robustsweep.training.recipe import Recipe
from robustsweep.training.trainer import train

CPU = torch.device("cpu")
RECIPE = Recipe(
    name="streamed",
    epochs=2,
    batch_size=4,
    learning_rate=0.05,
    weight_decay=1e-4,
    crop="resized",
    crop_padding=0,
    crop_size=16,
    norm="half",
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of photos, no two of one size."""
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "photos" / "train" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (20 + number, 40 - number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def data(photos: Path) -> Dataset:
    return open_training_data(f"imagefolder:{photos},resize=20,crop=16")


def streamed(data: Dataset, recipe: Recipe = RECIPE, *, hold_out: bool = False, workers: int = 2) -> StreamedImages:
    images = load_images(data, CPU, recipe, hold_out=hold_out, workers=workers)
    assert isinstance(images, StreamedImages)
    return images


def crops_by_row(images: StreamedImages, order: list[int], batch_size: int, epoch: int = 0) -> dict[int, torch.Tensor]:
    batches = torch.tensor(order).view(-1, batch_size)
    found = images.crops(batches, replace(RECIPE, batch_size=batch_size), 3, epoch)
    return dict(zip(order, torch.cat(list(found)), strict=True))


@pytest.mark.parametrize("part", [Part(0, 0, 30, 40), Part(3, 7, 11, 19), Part(29, 39, 1, 1), Part(5, 5, 16, 16)])
def test_a_part_is_cut_and_then_resized_as_torchvision_does(part: Part) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    box = (part.top, part.left, part.height, part.width)
    wanted = v2.resized_crop(Image.fromarray(pixels), *box, [16, 16], antialias=True)
    found = resized_part(torch.from_numpy(pixels).permute(2, 0, 1), part, 16)
    assert np.array_equal(found, np.asarray(wanted))


def test_crops_come_from_the_whole_photograph_and_not_from_its_centre(data: Dataset) -> None:
    whole = [data.photo(row) for row in range(len(data))]
    assert len({image.shape for image in whole}) == 12
    assert all(image.shape != (3, 16, 16) for image in whole)
    assert data.images(np.arange(12)).shape == (12, 3, 16, 16)


def test_a_crop_belongs_to_seed_epoch_and_image_alone(data: Dataset) -> None:
    images = streamed(data)
    first = crops_by_row(images, list(range(12)), 4)
    other_order = crops_by_row(streamed(data, workers=5), list(reversed(range(12))), 6)
    assert all(torch.equal(first[row], other_order[row]) for row in range(12))
    next_epoch = crops_by_row(images, list(range(12)), 4, epoch=1)
    assert not any(torch.equal(first[row], next_epoch[row]) for row in range(12))
    assert first[0].dtype == torch.uint8
    assert first[0].shape == (3, 16, 16)


def test_a_subset_has_the_same_crops(data: Dataset) -> None:
    part = limited(data, 6)
    everything, few = crops_by_row(streamed(data), list(range(12)), 4), crops_by_row(streamed(part), list(range(6)), 3)
    rows = [data.ids.tolist().index(identifier) for identifier in part.ids.tolist()]
    assert all(torch.equal(few[place], everything[row]) for place, row in enumerate(rows))


def test_half_of_the_crops_are_mirrored_unless_the_recipe_forbids_it() -> None:
    # Columns ascend in every image, and so in every part of it that is not mirrored.
    ramps = np.tile(np.arange(64, dtype=np.uint8) * 3, (400, 3, 64, 1))
    data = from_array("ramps", "train", ramps, np.arange(400) % 2, 2)
    for flip, share in ((True, 0.5), (False, 0.0)):
        recipe = replace(RECIPE, flip=flip)
        (crops,) = streamed(data, recipe).crops(torch.arange(400).view(1, 400), recipe, 0, 0)
        descends = crops[:, 0, 0, 0] > crops[:, 0, 0, -1]
        assert float(descends.double().mean()) == pytest.approx(share, abs=0.1)


def test_a_streamed_training_repeats_itself_and_its_card_says_what_it_saw(data: Dataset) -> None:
    first, again = (train(CutMix(), data, architecture="resnet8", recipe=RECIPE, seed=1) for _ in range(2))
    for name, weight in first.module.state_dict().items():
        assert torch.equal(weight, again.module.state_dict()[name]), name
    assert first.card.input_size == 16
    assert first.card.normalisation == NORMALISATIONS["half"]
    assert first.card.recipe_hash == RECIPE.hash


def test_held_out_photographs_are_judged_as_a_sweep_would_show_them(data: Dataset) -> None:
    images = streamed(data, hold_out=True)
    assert (images.n_held_out, len(images)) == (1, 11)
    ((shown, labels),) = images.held_out_batches()
    assert torch.equal(shown, data.images(images.held_out))
    assert labels.tolist() == data.labels[images.held_out].tolist()
    assert not set(images.kept.tolist()) & set(images.held_out.tolist())
    trained = train(Baseline(), data, architecture="resnet8", recipe=RECIPE, seed=1, keep="best")
    assert trained.best is not None


def test_a_photograph_that_cannot_be_read_ends_the_training_in_a_sentence(photos: Path, data: Dataset) -> None:
    (photos / "train" / "b" / "11.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b/11\.png is not an image"):
        train(Baseline(), data, architecture="resnet8", recipe=RECIPE, seed=1)
