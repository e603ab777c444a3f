"""Classes that are called like splits, and splits that are the folder itself."""

from pathlib import Path

import pytest
from image_trees import archive_of, opened, png_files, write_files

from robustsweep.benchmark.data import open_data
from robustsweep.errors import DataError
from robustsweep.training.images.data_images import open_training_data

CLASSES = ("ant", "test", "train", "zebra")


def names(*splits: str) -> list[str]:
    return [f"{split}/{folder}/{row}.png" for split in splits for folder in CLASSES for row in range(2)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_files(tmp_path / "set", png_files(*names("train", "test")))


@pytest.mark.parametrize("suffix", ["", ".tar", ".tar.xz", ".zip"])
def test_a_class_called_train_is_a_class_of_both_splits(root: Path, suffix: str) -> None:
    spec = f"imagefolder:{archive_of(root, suffix, 'wrapper/') if suffix else root}"
    for asked, split in ((spec, "test"), (f"{spec},split=train", "train")):
        data = opened(asked)
        assert (data.split, data.classes, data.labels.tolist()) == (split, 4, [0, 0, 1, 1, 2, 2, 3, 3])


def test_the_folder_of_a_split_is_trained_on_and_swept(root: Path) -> None:
    for data in (open_training_data(f"imagefolder:{root / 'train'}"), opened(f"imagefolder:{root / 'train'}")):
        assert (data.classes, len(data)) == (4, 8)
    assert open_training_data(f"imagefolder:{root}").fingerprint == data.fingerprint
    packed = archive_of(root / "train", ".tar")
    assert open_training_data(f"imagefolder:{packed}").fingerprint == data.fingerprint


def test_a_folder_without_splits_is_no_split_under_another_name(tmp_path: Path) -> None:
    root = write_files(tmp_path / "photos", png_files("ant/1.png", "train/1.png"))
    assert opened(f"imagefolder:{root}").classes == 2
    with pytest.raises(DataError, match="has no split 'train'; it has no split folders"):
        open_training_data(f"imagefolder:{root}")


@pytest.mark.parametrize("more", [(), ("train/ant/1.png", "train/bee/1.png")])
def test_splits_without_class_folders_are_not_taken_for_classes(tmp_path: Path, more: tuple[str, ...]) -> None:
    root = write_files(tmp_path / "photos", png_files("train/1.png", "val/1.png", *more))
    with pytest.raises(DataError, match="holds no images as CLASS/IMAGE in .*val; sort them into one folder per class"):
        open_data(f"imagefolder:{root}")


def test_classes_that_are_numbers_are_counted_as_numbers_and_it_is_said(tmp_path: Path) -> None:
    files = png_files(*(f"{number}/1.png" for number in range(12)))
    data = opened(f"imagefolder:{write_files(tmp_path / 'set', files)}")
    by_path = dict(zip(data.paths or (), data.labels.tolist(), strict=True))
    assert by_path == {f"{number}/1.png": number for number in range(12)}
    assert [note for note in data.notes if "order of the numbers (2 before 10)" in note]


def test_numbers_in_the_order_of_their_text_need_no_word_and_other_names_keep_it(tmp_path: Path) -> None:
    padded = opened(f"imagefolder:{write_files(tmp_path / 'padded', png_files('00/1.png', '02/1.png', '10/1.png'))}")
    mixed = opened(f"imagefolder:{write_files(tmp_path / 'mixed', png_files('2/1.png', '10/1.png', 'a/1.png'))}")
    assert (padded.notes, padded.labels.tolist()) == ((), [0, 1, 2])
    assert (mixed.notes, mixed.paths) == ((), ("10/1.png", "2/1.png", "a/1.png"))
    assert mixed.labels.tolist() == [0, 1, 2]


def test_other_labels_are_other_data(tmp_path: Path) -> None:
    files = png_files("2/1.png", "10/1.png")
    data = opened(f"imagefolder:{write_files(tmp_path / 'set', files)}")
    # What the same files had as a fingerprint when they were counted as text.
    from robustsweep.benchmark.data.files.trees import open_tree
    from robustsweep.benchmark.data.labelled_files import tree_fingerprint

    assert data.fingerprint != tree_fingerprint(open_tree(tmp_path / "set"), ["10/1.png", "2/1.png"], 1)
