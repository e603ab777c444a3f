"""What data sets call their classes: only pictures in a report need it, so that nothing fails for want of a name."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from image_trees import encoded, opened, opened_official, pixels, png_files, write_files
from tiny_imagenet_files import FIRST

from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, TINY_IMAGENET

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def cifar(folder: Path, meta: object, kind: str = "cifar10") -> tuple[str, ...]:
    member, meta_name, entry = {
        "cifar10": ("test_batch", "batches.meta", "labels"),
        "cifar100": ("test", "meta", "fine_labels"),
    }[kind]
    batch = {"data": np.zeros((2, 3072), np.uint8), entry: [0, 1]}
    content = meta if isinstance(meta, bytes) else pickle.dumps(meta)
    write_files(folder, {member: pickle.dumps(batch)} | ({meta_name: content} if meta else {}))
    return opened(f"{kind}:{folder}").class_names()


@pytest.mark.parametrize("names", [TEN, [name.encode() for name in TEN]])
def test_cifar_has_its_published_names(tmp_path: Path, names: list[object]) -> None:
    assert cifar(tmp_path, {b"label_names": names}) == tuple(TEN)
    hundred = [f"fine_{k}" for k in range(100)]
    assert cifar(tmp_path / "100", {"fine_label_names": hundred}, "cifar100") == tuple(hundred)


@pytest.mark.parametrize(
    "meta", [None, b"no pickle", {"label_names": TEN[:9]}, {"label_names": [*TEN[:9], 3]}, {}, [], {"label_names": 5}]
)
def test_names_that_are_not_as_published_are_none(tmp_path: Path, meta: object) -> None:
    assert cifar(tmp_path, meta) == ()


def test_class_folders_name_their_classes_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "animals", png_files("dog/1.png", "cat/1.png"))
    assert opened(f"imagefolder:{folder}").class_names() == ("cat", "dog")
    folder = write_files(tmp_path / "numbers", png_files("10/1.png", "2/1.png"))
    assert opened(f"imagefolder:{folder}").class_names() == ("2", "10")


def test_classes_of_wordnet_have_the_names_that_people_use(tmp_path: Path) -> None:
    names = IMAGENET_1K.written_names()
    assert len(names) == 1000
    of = dict(zip(IMAGENET_1K.wnids, names, strict=True))
    assert [of[wnid] for wnid in ("n01440764", "n02123045", "n15075141")] == ["tench", "tabby", "toilet tissue"]
    assert TINY_IMAGENET.written_names()[0] == of[FIRST] == "goldfish"
    photo = encoded(pixels(0, 16, 16), "JPEG")
    folder = write_files(tmp_path, {f"fog/{severity}/n01440764/a.JPEG": photo for severity in range(1, 6)})
    assert opened_official(f"imagenet-c:{folder}").class_names() == names


def test_data_without_names_have_none() -> None:
    assert opened("digits").class_names() == ()
