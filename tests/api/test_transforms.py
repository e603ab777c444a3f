"""Corruptions in pipelines of torchvision and in the workers of a DataLoader."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from robustsweep import corrupt
from robustsweep.errors import UsageError
from robustsweep.transforms import Corrupt, RandomCorruption


def picture(seed: int = 0, side: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (3, side, side), generator=generator, dtype=torch.uint8)


class Pictures(Dataset):
    """Pictures of noise, each through a transform; every second one is the first."""

    def __init__(self, transform: object, n: int = 8, side: int = 32) -> None:
        self.transform, self.n, self.side = transform, n, side

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(picture(index if index % 2 else 0, self.side))


def loaded(transform: object, workers: int, seed: int = 0, **options: object) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    batches = DataLoader(Pictures(transform), batch_size=2, num_workers=workers, generator=generator, **options)
    return torch.cat(list(batches))


def test_one_image_is_corrupted_alike_in_every_form_order_and_batch():
    transform, tensor = Corrupt("gaussian_noise", 3), picture()
    image = Image.fromarray(tensor.permute(1, 2, 0).numpy())
    wanted = transform(tensor)
    assert torch.equal(transform(tv_tensors.Image(tensor)), wanted)
    assert np.array_equal(np.array(transform(image)), wanted.permute(1, 2, 0).numpy())
    batch = transform(torch.stack([picture(1), tensor]))
    assert torch.equal(batch[1], wanted)
    noise = batch[0].short() - picture(1).short()
    assert not torch.equal(noise, wanted.short() - tensor.short())
    assert not torch.equal(Corrupt("gaussian_noise", 3, seed=1)(tensor), wanted)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_change_nothing_in_an_evaluation(method):
    transform = Corrupt("gaussian_noise", 3)
    assert torch.equal(loaded(transform, 0), loaded(transform, 2, multiprocessing_context=method))
    assert torch.equal(loaded(transform, 0)[0], loaded(transform, 0)[2])


def test_an_augmentation_draws_anew_for_each_image_and_worker_and_a_seed_repeats_it():
    transform = RandomCorruption(["gaussian_noise"], [3])
    found = loaded(transform, 2)
    # Pictures 0, 2, 4 and 6 are the same one, seen by two workers.
    distinct = {one.numpy().tobytes() for one in found[::2]}
    assert len(distinct) == 4
    assert torch.equal(found, loaded(transform, 2))
    assert not torch.equal(found, loaded(transform, 2, seed=1))


def test_every_name_and_severity_is_drawn_and_p_is_the_chance():
    torch.manual_seed(0)
    transform = RandomCorruption(["fog", "contrast"], [1, 5], p=0.75)
    drawn = [transform.make_params([]) for _ in range(2000)]
    counts = {name: sum(one["name"] == name for one in drawn) for name in ("fog", "contrast", None)}
    assert counts["fog"] + counts["contrast"] + counts[None] == 2000
    for name, chance in (("fog", 0.375), ("contrast", 0.375), (None, 0.25)):
        assert abs(counts[name] - 2000 * chance) < 5 * (2000 * chance * (1 - chance)) ** 0.5
    assert {one["severity"] for one in drawn} == {1, 5}
    assert RandomCorruption(p=0.0)(picture()).equal(picture())


def test_the_images_of_a_batch_share_a_corruption_and_not_their_noise():
    torch.manual_seed(0)
    grey = torch.full((2, 3, 32, 32), 128, dtype=torch.uint8)
    first, second = RandomCorruption(["gaussian_noise"], [5])(grey)
    assert not torch.equal(first, second)


def test_labels_boxes_and_masks_pass_through_a_pipeline():
    pipeline = v2.Compose([Corrupt("fog", 3), v2.ToDtype(torch.float32, scale=True)])
    sample = {
        "image": tv_tensors.Image(picture()),
        "boxes": tv_tensors.BoundingBoxes([[0, 0, 9, 9]], format="XYXY", canvas_size=(32, 32)),
        "label": torch.tensor(7),
    }
    found = pipeline(sample)
    assert type(found["image"]) is tv_tensors.Image
    assert torch.equal(found["boxes"], sample["boxes"])
    assert found["label"] == 7
    image, label = pipeline(picture(), torch.tensor(3))
    assert label == 3
    assert torch.allclose(image, corrupt(picture(), "fog", 3, ids=[_id(picture())]) / 255)


def _id(image: torch.Tensor) -> int:
    from robustsweep.api.inputs.image_forms import content_ids

    return int(content_ids(image.unsqueeze(0)))


def test_transforms_can_be_pickled_and_say_what_they_are():
    for transform in (Corrupt("fog", 3, seed=2), RandomCorruption(["fog"], [1], p=0.5)):
        copy = pickle.loads(pickle.dumps(transform))
        assert repr(copy) == repr(transform)
        assert "fog" in repr(copy)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Corrupt("fogg", 3), "did you mean 'fog'"),
        (lambda: Corrupt("fog", 0), "integer from 1 to 5, not 0"),
        (lambda: Corrupt("fog", 3, table="big"), "Unknown severity table 'big'"),
        (lambda: RandomCorruption(["fog", "snwo"]), "did you mean 'snow'"),
        (lambda: RandomCorruption([]), "at least one corruption"),
        (lambda: RandomCorruption(severities=[9]), "integer from 1 to 5, not 9"),
        (lambda: RandomCorruption(p=1.5), "chance in .0, 1., got 1.5"),
    ],
)
def test_mistakes_are_named_where_the_transform_is_made(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()
