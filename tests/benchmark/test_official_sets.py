import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, everything, opened_official, pixels, write_files

from robustsweep.benchmark.data import OfficialSet, open_data
from robustsweep.benchmark.data.wordnet import IMAGENET_1K
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


WNIDS = (IMAGENET_1K.wnids[3], IMAGENET_1K.wnids[900])
PHOTOS = tuple(f"{wnid}/ILSVRC2012_val_{i:08}.JPEG" for i, wnid in zip((40, 7, 21), (*WNIDS, WNIDS[0]), strict=True))


def photo(corruption: str, severity: int, name: str) -> bytes:
    seed = sum(map(ord, f"{corruption}{severity}{name}"))
    return encoded(pixels(seed, 16, 16), "JPEG")


def corrupted_files(*corruptions: str) -> dict[str, bytes]:
    return {
        f"{corruption}/{severity}/{name}": photo(corruption, severity, name)
        for corruption in corruptions
        for severity in range(1, 6)
        for name in PHOTOS
    }


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_files(tmp_path / "imagenet-c", corrupted_files("fog", "snow"))


def decoded(content: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def check_tree(data: OfficialSet) -> None:
    names = sorted(PHOTOS)
    assert data.labels.tolist() == [3 if name.startswith(WNIDS[0]) else 900 for name in names]
    assert (data.classes, data.size) == (1000, (16, 16))
    for corruption in data.corruptions:
        data.check(corruption)
        for severity in (1, 5):
            read = data.read(corruption, severity, np.array([2, 0])).numpy().transpose(0, 2, 3, 1)
            for row, position in enumerate((2, 0)):
                assert np.array_equal(read[row], decoded(photo(corruption, severity, names[position])))


@pytest.mark.parametrize("suffix", ["", ".tar", ".zip"])
@pytest.mark.parametrize("wrapper", ["", "ImageNet-C/"])
def test_a_tree_is_read_alike_from_a_folder_and_from_archives(tree: Path, suffix: str, wrapper: str) -> None:
    first = opened_official(f"imagenet-c:{tree}")
    check_tree(first)
    assert first.corruptions == tuple(name for name in CORRUPTIONS if name in ("fog", "snow"))
    other = opened_official(
        f"imagenet-c:{archive_of(tree, suffix, wrapper)}" if suffix else f"imagenet-c:{tree.parent}"
    )
    check_tree(other)
    assert other.fingerprint == first.fingerprint
    assert other.ids.tolist() == first.ids.tolist()


def test_a_copy_of_a_tree_is_the_same_data_and_a_changed_file_is_not(tree: Path, tmp_path: Path) -> None:
    first = opened_official(f"imagenet-c:{tree}").fingerprint
    copy = write_files(tmp_path / "other" / "copy", corrupted_files("fog", "snow"))
    assert opened_official(f"imagenet-c:{copy}").fingerprint == first
    changed = copy / "snow" / "4" / PHOTOS[1]
    changed.write_bytes(changed.read_bytes() + b"\0")
    assert opened_official(f"imagenet-c:{copy}").fingerprint != first


def test_a_tree_of_one_corruption_is_a_tree(tmp_path: Path) -> None:
    data = opened_official(f"imagenet-c:{write_files(tmp_path / 'set', corrupted_files('fog'))}")
    assert data.corruptions == ("fog",)
    check_tree(data)


def test_a_severity_that_is_missing_is_one_sentence(tree: Path) -> None:
    shutil.rmtree(tree / "snow" / "4")
    data = opened_official(f"imagenet-c:{tree}")
    data.check("fog")
    with pytest.raises(DataError, match="snow/4 should hold the same 3 images as the rest, it holds 0"):
        data.check("snow")
    with pytest.raises(DataError, match="frost/1 should hold the same 3 images"):
        data.check("frost")


def test_an_image_that_is_missing_or_too_many_is_named(tree: Path) -> None:
    missing, extra = PHOTOS[1], f"{WNIDS[0]}/extra.JPEG"
    (tree / "snow" / "2" / missing).unlink()
    write_files(tree, {f"fog/5/{extra}": photo("fog", 5, extra)})
    data = opened_official(f"imagenet-c:{tree}")
    with pytest.raises(DataError, match=f"snow/2 .* it holds 2; the first one missing is {missing}"):
        data.check("snow")
    with pytest.raises(DataError, match=f"fog/5 .* it holds 4; the first one too many is {extra}"):
        data.check("fog")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no CORRUPTION/SEVERITY/CLASS/IMAGE files"),
        ({"fog/1/photo.JPEG": b""}, "holds no CORRUPTION/SEVERITY/CLASS/IMAGE files"),
        ({"fogg/1/n01440764/photo.JPEG": b"", "snoww/1/n01440764/1.JPEG": b""}, "no known corruption, but fogg, snoww"),
        ({"fog/1/cat/photo.JPEG": b""}, "'cat' is no ImageNet-1k wnid"),
        ({"fog/1/n01440764/photo.JPEG": b"text"}, "fog/1/n01440764/photo.JPEG is no image"),
    ],
)
def test_trees_of_another_layout_are_refused(tmp_path: Path, files: dict[str, bytes], sentence: str) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match=sentence):
        open_data(f"imagenet-c:{write_files(tmp_path / 'set', files)}")


def clean_photos(root: Path, *names: str, side: int = 16) -> Path:
    return write_files(root, {f"val/{name}": encoded(pixels(len(name), side, side), "JPEG") for name in names})


def test_clean_images_are_matched_by_path_and_others_left_aside(tree: Path, tmp_path: Path) -> None:
    more = (f"{IMAGENET_1K.wnids[0]}/first.JPEG", *reversed(PHOTOS), f"{WNIDS[0]}/ILSVRC2012_val_00000001.JPEG")
    root = write_files(
        tmp_path / "clean", {f"val/{name}": encoded(pixels(seed, 16, 16), "BMP") for seed, name in enumerate(more)}
    )
    data = opened_official(f"imagenet-c:{tree},clean=imagenet:{root},crop=16")
    assert data.clean is not None
    assert len(data.clean) == 3
    assert data.clean.ids.tolist() == data.ids.tolist()
    assert data.clean.labels.tolist() == data.labels.tolist()
    for row, name in enumerate(sorted(PHOTOS)):
        expected = np.asarray(pixels(more.index(name), 16, 16))
        assert np.array_equal(everything(data.clean)[row].transpose(1, 2, 0), expected)


def test_clean_images_that_lack_some_or_do_not_fit_are_refused(tree: Path, tmp_path: Path) -> None:
    lacking = clean_photos(tmp_path / "lacking", *PHOTOS[:2])
    with pytest.raises(DataError, match="clean= lacks 1 of 3 images of .*; paths CLASS/FILE must agree"):
        open_data(f"imagenet-c:{tree},clean=imagenet:{lacking},crop=16")
    large = clean_photos(tmp_path / "large", *PHOTOS, side=300)
    with pytest.raises(DataError, match="images of 224x224 pixels, .* has 1000 and 16x16"):
        open_data(f"imagenet-c:{tree},clean=imagenet:{large}")
    with pytest.raises(DataError, match="clean= has 2 classes .* has 1000"):
        open_data(f"imagenet-c:{tree},clean=imagefolder:{large},crop=16")


@pytest.mark.parametrize("option", ["split=test", "resize=32", "download=yes"])
@pytest.mark.parametrize("scheme", ["cifar10-c", "cifar100-c", "imagenet-c"])
def test_official_sets_take_no_preprocessing_and_no_split(scheme: str, option: str) -> None:
    with pytest.raises(UsageError, match="has no meaning here; allowed: name, clean"):
        open_data(f"{scheme}:anywhere,{option}")
