"""The published corrupted sets that are trees of images."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, everything, opened_official, pixels, write_files

from robustsweep.benchmark.data import OfficialSet, open_data
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K
from robustsweep.corruptions import CORRUPTIONS
from robustsweep.errors import DataError, UsageError

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


def test_severities_that_are_missing_or_not_whole_are_absent_and_said(tree: Path) -> None:
    shutil.rmtree(tree / "snow" / "4")
    (tree / "fog" / "1" / PHOTOS[1]).unlink()
    data = opened_official(f"imagenet-c:{tree}")
    assert data.absent == {"snow@4", "fog@1"}
    data.check("fog")
    data.check("snow")
    assert len(data.labels) == 3
    (note,) = data.notes
    assert note.startswith("imagenet-c holds only snow, fog of the 15 corruptions, without fog@1, snow@4; ")
    with pytest.raises(DataError, match="frost/1 should hold the same 3 images"):
        data.check("frost")


def test_an_image_that_is_too_many_is_named(tree: Path) -> None:
    extra = f"{WNIDS[0]}/extra.JPEG"
    write_files(tree, {f"fog/5/{extra}": photo("fog", 5, extra)})
    data = opened_official(f"imagenet-c:{tree}")
    data.check("snow")
    with pytest.raises(DataError, match=f"fog/5 .* it holds 4; the first one too many is {extra}"):
        data.check("fog")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no CORRUPTION/SEVERITY/CLASS/IMAGE files"),
        ({"fog/1/photo.JPEG": b""}, "holds no CORRUPTION/SEVERITY/CLASS/IMAGE files"),
        ({"fogg/1/n01440764/photo.JPEG": b"", "snoww/1/n01440764/1.JPEG": b""}, "no known corruption, but fogg, snoww"),
        ({"fog/1/cat/photo.JPEG": b""}, "'cat' is not a wnid of ImageNet-1k"),
        ({"fog/1/n01440764/photo.JPEG": b"text"}, "set: fog/1/n01440764/photo.JPEG is not an image"),
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
