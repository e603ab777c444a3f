import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from image_trees import encoded, everything, opened_official, pixels, write_files

from robustsweep.benchmark.data import open_data
from robustsweep.corruptions import CORRUPTIONS
from robustsweep.errors import DataError, UsageError

N = 12
LABELS = np.arange(N) * 7 % 100
PRESENT = ("fog", "gaussian_noise", "spatter")
ROWS = np.arange(N, dtype=np.int64)


def array(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (5 * N, 32, 32, 3), dtype=np.uint8)


def write_arrays(folder: Path, **replaced: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: array(seed) for seed, name in enumerate(PRESENT)} | {"labels": np.tile(LABELS, 5).astype(np.uint8)}
    for name, values in (arrays | replaced).items():
        np.save(folder / f"{name}.npy", values)
    return folder


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    return write_arrays(tmp_path / "CIFAR-100-C")


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_a_severity_is_its_fifth_of_the_rows(arrays: Path, severity: int) -> None:
    data = opened_official(f"cifar100-c:{arrays}")
    read = data.read("gaussian_noise", severity, ROWS).numpy()
    expected = array(PRESENT.index("gaussian_noise"))[(severity - 1) * N : severity * N]
    assert read.dtype == np.uint8
    assert np.array_equal(read.transpose(0, 2, 3, 1), expected)
    some = np.array([7, 0, 7])
    assert np.array_equal(data.read("gaussian_noise", severity, some).numpy(), read[some])


def test_the_arrays_say_what_they_are(arrays: Path) -> None:
    data = opened_official(f"cifar100-c:{arrays}")
    assert (data.name, data.classes, data.size, data.clean) == ("cifar100-c", 100, (32, 32), None)
    assert data.labels.tolist() == LABELS.tolist()
    assert data.ids.tolist() == list(range(N))
    assert data.corruptions == tuple(name for name in CORRUPTIONS if name in PRESENT)
    assert opened_official(f"cifar100-c:{arrays},name=mine").name == "mine"


def test_a_folder_around_the_folder_and_files_of_others_do_not_matter(arrays: Path) -> None:
    fingerprint = opened_official(f"cifar100-c:{arrays}").fingerprint
    np.save(arrays / "my_predictions.npy", np.zeros(3))
    outer = opened_official(f"cifar100-c:{arrays.parent}")
    assert (outer.fingerprint, len(outer.corruptions)) == (fingerprint, 3)


def test_the_fingerprint_of_arrays_follows_their_contents(arrays: Path, tmp_path: Path) -> None:
    first = opened_official(f"cifar100-c:{arrays}").fingerprint
    shutil.copytree(arrays, tmp_path / "other" / "copy")
    assert opened_official(f"cifar100-c:{tmp_path / 'other' / 'copy'}").fingerprint == first
    changed = array(0)
    changed[-1, -1, -1, -1] ^= 1
    np.save(arrays / "fog.npy", changed)
    os.utime(arrays / "fog.npy", ns=(1, 1))
    assert opened_official(f"cifar100-c:{arrays}").fingerprint != first


def npz_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("images.npy", "w") as file:
        np.save(file, values)
    return buffer.getvalue()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def pickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}] * 3, dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (Path.unlink, "fog.npy is missing"),
        (cut, "fog.npy is truncated or not a .npy file"),
        (pickled, "fog.npy is truncated or not a .npy file"),
        (lambda path: path.write_bytes(b""), "fog.npy is truncated or not a .npy file"),
        (lambda path: path.write_bytes(b"a text"), "fog.npy is truncated or not a .npy file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "fog.npy is truncated or not a .npy file"),
        (lambda path: path.write_bytes(npz_bytes(array(0))), "fog.npy is truncated or not a .npy file"),
        (lambda path: np.save(path, array(0)[:-1]), r"should hold uint8 of shape \(60, 32, 32, 3\), .*\(59,"),
        (lambda path: np.save(path, array(0).transpose(0, 3, 1, 2)), r"it has uint8 of shape \(60, 3, 32, 32\)"),
        (lambda path: np.save(path, array(0).astype(np.float32)), "should hold uint8 .* it has float32"),
        (lambda path: np.save(path, array(0).astype(np.int8)), "should hold uint8 .* it has int8"),
    ],
)
def test_a_corruption_that_is_missing_or_malformed_is_one_sentence(
    arrays: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(arrays / "fog.npy")
    data = opened_official(f"cifar100-c:{arrays}")
    with pytest.raises(DataError, match=sentence):
        data.check("fog")
    with pytest.raises(DataError, match=sentence):
        data.read("fog", 1, ROWS)
    data.check("gaussian_noise")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.tile(LABELS, 5)[:-1], r"should hold integers of shape \(5 \* N,\)"),
        (np.zeros(0, np.int64), r"should hold integers of shape \(5 \* N,\)"),
        (np.tile(LABELS, 5).reshape(5, -1), "should hold integers"),
        (np.tile(LABELS, 5).astype(np.float64), "it has dtype float64"),
        (np.repeat(LABELS, 5), "values differ between severities"),
        (np.tile(LABELS + 50, 5), r"labels outside 0\.\.99"),
        (np.tile(LABELS - 1, 5), r"labels outside 0\.\.99"),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(tmp_path: Path, labels: np.ndarray, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        open_data(f"cifar100-c:{write_arrays(tmp_path / 'set', labels=labels)}")


def test_folders_that_are_none_or_hold_no_corruption_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder; unpack the published archive"):
        open_data(f"cifar10-c:{tmp_path / 'none'}")
    with pytest.raises(DataError, match="labels.npy is missing"):
        open_data(f"cifar10-c:{tmp_path}")
    np.save(tmp_path / "labels.npy", np.zeros(5, np.int64))
    with pytest.raises(DataError, match="no corruption, such as fog.npy"):
        open_data(f"cifar10-c:{tmp_path}")


def test_labels_of_the_other_cifar_are_refused(arrays: Path) -> None:
    with pytest.raises(DataError, match=r"labels outside 0\.\.9\."):
        open_data(f"cifar10-c:{arrays}")


def image_folder(root: Path, labels: np.ndarray, classes: int, side: int = 32) -> Path:
    """Write images whose sorted paths have these labels, which must ascend, and one class folder for each class."""
    files = {f"c{label:03}/{row:03}.png": encoded(pixels(row, side, side)) for row, label in enumerate(labels)}
    assert len({name.split("/")[0] for name in files}) == classes
    return write_files(root, files)


ASCENDING = np.sort(np.r_[np.arange(10), 3, 8])


@pytest.fixture
def tens(tmp_path: Path) -> Path:
    return write_arrays(tmp_path / "CIFAR-10-C", labels=np.tile(ASCENDING, 5))


def test_clean_images_of_the_same_rows_are_taken(tens: Path, tmp_path: Path) -> None:
    clean = image_folder(tmp_path / "clean", ASCENDING, 10)
    data = opened_official(f"cifar10-c:{tens},clean=imagefolder:{clean},name=original")
    assert data.clean is not None
    assert (data.name, data.clean.name) == ("cifar10-c", "original")
    assert np.array_equal(everything(data.clean)[5].transpose(1, 2, 0), np.asarray(pixels(5, 32, 32)))


def test_clean_images_that_are_others_are_refused(tens: Path, tmp_path: Path) -> None:
    more = image_folder(tmp_path / "more", np.sort(np.r_[ASCENDING, 1]), 10)
    with pytest.raises(DataError, match=f"clean= has {N + 1} images, .* has {N} per severity"):
        open_data(f"cifar10-c:{tens},clean=imagefolder:{more}")
    other = image_folder(tmp_path / "other", np.sort(np.r_[np.arange(10), 4, 8]), 10)
    with pytest.raises(DataError, match="disagree on the label of image 4"):
        open_data(f"cifar10-c:{tens},clean=imagefolder:{other}")
    large = image_folder(tmp_path / "large", ASCENDING, 10, side=64)
    with pytest.raises(DataError, match="10 classes and images of 64x64 pixels, .* has 10 and 32x32"):
        open_data(f"cifar10-c:{tens},clean=imagefolder:{large}")
    with pytest.raises(DataError, match=r"10 classes .* has 100 and"):
        open_data(f"cifar100-c:{tens},clean=digits")
    with pytest.raises(UsageError, match="clean= must name clean images, not a corrupted set"):
        open_data(f"cifar10-c:{tens},clean=cifar10-c:{tens}")
