"""Data in memory, in every form: the numbers of the same images in a file."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from live_networks import SUITES, SmallNet, arrays, digits, pictures, same
from PIL import Image
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from robustsweep import evaluate
from robustsweep.errors import DataError


class Table:
    """What a data set of Hugging Face offers."""

    def __init__(self, rows: list[dict[str, object]], **features: object) -> None:
        self._rows, self.features, self.column_names = rows, features, list(features)
        self.info = SimpleNamespace(dataset_name="tiny-digits")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, object]:
        return self._rows[index]


def _feature(kind: str, **fields: object) -> object:
    return type(kind, (), fields)()


class Pairs(Dataset):
    """A map-style data set."""

    def __init__(self, pairs: list[tuple[object, object]]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[object, object]:
        return self.pairs[index]


def forms(n: int = 12) -> dict[str, object]:
    images, labels = digits(n)
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2)
    rows = [{"img": image, "label": label} for image, label in pictures(n)]
    return {
        "arrays": (images, labels),
        "tensors": (tensors / 255, torch.from_numpy(labels)),
        "list of images": ([image for image, _ in pictures(n)], labels.tolist()),
        "with ids": (images, labels, np.arange(n)),
        "list of pairs": pictures(n),
        "map-style": Pairs(pictures(n)),
        "tensor data set": TensorDataset(tensors, torch.from_numpy(labels)),
        "loader": DataLoader(TensorDataset(tensors, torch.from_numpy(labels)), batch_size=5),
        "loader with workers": DataLoader(TensorDataset(tensors / 255, torch.from_numpy(labels)), 5, num_workers=2),
        "loader without batches": DataLoader(TensorDataset(tensors, torch.from_numpy(labels)), batch_size=None),
        "table": Table(rows, img=_feature("Image"), label=_feature("ClassLabel", num_classes=10)),
        "table with plain features": Table(rows, img=_feature("Value"), label=_feature("Value")),
    }


@pytest.fixture(scope="module")
def by_spec() -> dict[str, dict[str, np.ndarray]]:
    """What the first twelve digits give, read from a file."""
    return arrays(evaluate(SmallNet(), digits(12), SUITES))


@pytest.mark.parametrize("form", forms())
def test_data_in_every_form_give_the_same_numbers(form, by_spec):
    results = evaluate(SmallNet(), forms()[form], SUITES)
    assert same(arrays(results), by_spec)
    if form.startswith("table"):
        assert set(results.frame["data"]) == {"tiny-digits"}


def test_all_digits_in_memory_give_what_their_spec_gives():
    images, labels = digits()
    found = evaluate(SmallNet(), (images, labels), ["clean", "fog@3"], limit=40)
    assert same(arrays(found), arrays(evaluate(SmallNet(), "digits", ["clean", "fog@3"], limit=40)))


def test_images_of_other_modes_become_rgb_as_files_do():
    grey = [(image.convert("L"), label) for image, label in pictures()]
    assert same(arrays(evaluate(SmallNet(), grey, "clean")), arrays(evaluate(SmallNet(), pictures(), "clean")))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (17, "Data must be a data spec .* got int"),
        ({"image": 1}, "Data must be a data spec .* got dict"),
        (np.zeros((2, 32, 32, 3)), "Data must be a data spec .* got ndarray"),
        ((digits(12)[0], digits(11)[1]), r"Labels must be whole numbers \(12,\)"),
        ((digits(12)[0], np.full(12, 0.5)), r"Labels must be whole numbers \(12,\)"),
        ((digits(12)[0], digits(12)[1] - 20), "labels must be 0 or more"),
        ((digits(12)[0], digits(12)[1] + 9), "Labels of arrays must be from 0 to 9, as there are 10 classes, got 1."),
        ((*digits(12), np.zeros(12, dtype=int)), "Ids must be given once each"),
        ((digits(12)[0] / 255 * 2 - 1, digits(12)[1]), "must lie in .0, 1., they span -1 to 1"),
        ([], "holds no image"),
        (
            [(Image.new("RGB", (32, 32)), 0), (Image.new("RGB", (40, 32)), 1)],
            "Image 1 of list is 40x32, the first one 32x32",
        ),
        (
            [(Image.new("RGB", (32, 32)), "cat")],
            "Image 0 of list does not fit: its label must be a whole number, got 'cat'",
        ),
        (
            [(torch.zeros(2, 3, 32, 32), torch.tensor([0, 1]))],
            r"Image 0 of list does not fit: its label must be a whole number, got tensor\(\[0, 1\]\)",
        ),
        ([(Image.new("I;16", (32, 32)), 1)], "it has Pillow's mode 'I;16'"),
        ([Image.new("RGB", (32, 32))], r"Item 0 of list must be \(image, label\), got a Image"),
        (DataLoader(Pairs(pictures()), shuffle=True), "shuffle=False"),
        (DataLoader(Pairs(pictures()), sampler=RandomSampler(range(12))), "shuffle=False"),
        (DataLoader(Pairs(pictures()), batch_sampler=[[3, 1]]), "shuffle=False"),
        (
            DataLoader(
                TensorDataset(torch.zeros(12, 3, 32, 32), torch.zeros(12, dtype=torch.int64)), 5, drop_last=True
            ),
            "leaves 2 of 12 images out",
        ),
        (Table([], a=_feature("Value"), b=_feature("Value")), "one column of images, and has none among a, b"),
        (
            Table([], img=_feature("Image"), fine=_feature("ClassLabel"), coarse=_feature("ClassLabel")),
            r"one column of labels, and has fine, coarse; keep one of each, such as data.select_columns",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused_with_a_sentence(data, sentence):
    with pytest.raises(DataError, match=sentence):
        evaluate(SmallNet(), data, "clean")


def test_splits_and_streams_are_named():
    class Splits(dict):
        column_names = {"test": ["image", "label"]}

    with pytest.raises(DataError, match=r"several splits \(test\); give one, such as data\['test'\]"):
        evaluate(SmallNet(), Splits(test=1), "clean")
    with pytest.raises(DataError, match="streamed has no length"):
        evaluate(SmallNet(), SimpleNamespace(column_names=["image"], features={}), "clean")
