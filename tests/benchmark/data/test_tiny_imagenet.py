import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, everything, opened, pixels, snapshot, write_files
from tiny_imagenet_files import (
    ANNOTATED,
    FIRST,
    FOREIGN,
    IN_ORDER,
    LABELS,
    LAST,
    MIDDLE,
    annotations,
    decoded,
    jpeg,
    published,
    seed_of,
)

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.dataset import path_id
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, TINY_IMAGENET
from robustsweep.errors import DataError, UsageError

SHARED = Path(os.environ.get("ROBUSTSWEEP_SHARED", Path(__file__).parents[3] / ".." / "shared")).resolve()


def test_the_wnids_are_two_hundred_of_imagenets_in_sorted_order() -> None:
    wnids = TINY_IMAGENET.wnids
    assert len(TINY_IMAGENET) == len(set(wnids)) == 200
    assert list(wnids) == sorted(wnids)
    assert set(wnids) < set(IMAGENET_1K.wnids)
    # Goldfish, Egyptian cat, espresso and acorn, where torchvision's ImageFolder puts them.
    assert [wnids[i] for i in (0, 32, 193, 199)] == ["n01443537", "n02124075", "n07920052", "n12267677"]


def test_validation_images_are_numbered_by_sorted_wnids_whatever_their_files_are_called(tiny: Path) -> None:
    data = opened(f"tiny-imagenet:{tiny}")
    assert (data.name, data.split, data.classes, data.size) == ("tiny-imagenet", "val", 200, (64, 64))
    assert data.labels.tolist() == LABELS == [0, 0, 57, 199, 199]
    assert data.ids.tolist() == [path_id(name) for name in IN_ORDER]
    for image, name in zip(everything(data), IN_ORDER, strict=True):
        assert np.array_equal(image.transpose(1, 2, 0), decoded(jpeg(seed_of(name))))
    assert opened(f"tiny-imagenet:{tiny},name=mine,split=val").name == "mine"


def test_training_images_are_numbered_alike(tiny: Path) -> None:
    data = opened(f"tiny-imagenet:{tiny},split=train")
    names = [f"{wnid}/{wnid}_{i}.JPEG" for wnid in (FIRST, MIDDLE) for i in (0, 1)]
    assert (data.split, data.classes, data.labels.tolist()) == ("train", 200, [0, 0, 57, 57])
    assert data.ids.tolist() == [path_id(name) for name in names]
    assert np.array_equal(everything(data)[2].transpose(1, 2, 0), decoded(jpeg(100)))


def test_grey_images_become_three_equal_channels(tiny: Path) -> None:
    grey = pixels(1, 64, 64).convert("L")
    write_files(tiny, {"val/images/val_3.JPEG": encoded(grey, "JPEG")})
    image = everything(opened(f"tiny-imagenet:{tiny}"))[LABELS.index(57)]
    assert np.array_equal(image, np.broadcast_to(decoded(encoded(grey, "JPEG"))[..., 0], (3, 64, 64)))


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".zip"])
@pytest.mark.parametrize("wrapper", ["", "tiny-imagenet-200/"])
@pytest.mark.parametrize("split", ["val", "train"])
def test_the_layout_is_read_alike_from_a_folder_and_from_archives(
    tiny: Path, suffix: str, wrapper: str, split: str
) -> None:
    folder = opened(f"tiny-imagenet:{tiny},split={split}")
    archive = opened(f"tiny-imagenet:{archive_of(tiny, suffix, wrapper)},split={split}")
    assert archive.fingerprint == folder.fingerprint == opened(f"tiny-imagenet:{tiny.parent},split={split}").fingerprint
    assert archive.ids.tolist() == folder.ids.tolist()
    assert archive.labels.tolist() == folder.labels.tolist()
    assert np.array_equal(everything(archive), everything(folder))


def test_one_split_alone_is_enough_and_the_other_is_missed_in_a_sentence(tmp_path: Path, tiny: Path) -> None:
    validation = {"val/val_annotations.txt": annotations({"val_2.JPEG": FIRST}), "val/images/val_2.JPEG": jpeg(2)}
    only = archive_of(write_files(tmp_path / "only", validation), ".tar.xz", "tiny-imagenet-200/")
    assert opened(f"tiny-imagenet:{only}").labels.tolist() == [0]
    with pytest.raises(DataError, match=r"holds no train/WNID/images/FILE; .*use imagefolder:"):
        open_data(f"tiny-imagenet:{only},split=train")
    with pytest.raises(DataError, match=r"holds no val/val_annotations\.txt; .*use imagefolder:"):
        open_data(f"tiny-imagenet:{tiny / 'train'}")


def test_validation_images_sorted_into_class_folders_are_the_same_data(tiny: Path, tmp_path: Path) -> None:
    sorted_into = write_files(tmp_path / "sorted", {f"val/{name}": jpeg(seed_of(name)) for name in IN_ORDER})
    folders, data = opened(f"imagefolder:{sorted_into}"), opened(f"tiny-imagenet:{tiny}")
    assert folders.ids.tolist() == data.ids.tolist()
    assert folders.fingerprint == data.fingerprint


def test_another_class_for_an_image_is_other_data(tiny: Path) -> None:
    before = opened(f"tiny-imagenet:{tiny}").fingerprint
    path = tiny / "val" / "val_annotations.txt"
    path.write_bytes(annotations(ANNOTATED | {"val_3.JPEG": FIRST}))
    os.utime(path, ns=(1, 1))
    after = opened(f"tiny-imagenet:{tiny}")
    assert after.fingerprint != before
    assert after.labels.tolist() == [0, 0, 0, 199, 199]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (annotations(ANNOTATED | {"val_3.JPEG": FOREIGN}), f"'{FOREIGN}' is not a wnid of Tiny-ImageNet"),
        (annotations(ANNOTATED | {"val_3.JPEG": ""}), "'' is not a wnid of Tiny-ImageNet"),
        (annotations(ANNOTATED | {"val_3.JPEG": f"../{FIRST}"}), r"'\.\.' is not a wnid of Tiny-ImageNet"),
        (annotations(ANNOTATED | {"val_4.JPEG": FIRST}), r"lacks val/images/val_4\.JPEG, which .* lists"),
        (annotations(ANNOTATED | {"../../wnids.txt": FIRST}), r"lacks val/images/\.\./\.\./wnids\.txt"),
        (annotations(ANNOTATED) + annotations({"val_0.JPEG": FIRST}), "line 6 of .* lists a file twice"),
        (annotations(ANNOTATED) + b"val_5.JPEG " + FIRST.encode(), "line 6 of .* has no wnid: 'val_5"),
        (annotations({"val_0.JPEG": LAST}), r"holds val/images/val_10\.JPEG, which .* does not list"),
        (b"\xff\xfe\x00", "line 1 of .* has no wnid"),
        (b"", r"holds val/images/val_0\.JPEG, which .* does not list"),
    ],
)
def test_annotations_that_do_not_fit_the_images_are_refused(tiny: Path, content: bytes, sentence: str) -> None:
    (tiny / "val" / "val_annotations.txt").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        open_data(f"tiny-imagenet:{tiny}")


def test_annotations_end_their_lines_as_they_like(tiny: Path) -> None:
    before = opened(f"tiny-imagenet:{tiny}").fingerprint
    (tiny / "val" / "val_annotations.txt").write_bytes(annotations(ANNOTATED).replace(b"\n", b"\r\n") + b"\r\n")
    assert opened(f"tiny-imagenet:{tiny}").fingerprint == before


def test_an_image_of_another_size_or_none_at_all_is_named(tiny: Path) -> None:
    write_files(tiny, {"val/images/val_3.JPEG": jpeg(3, side=32)})
    with pytest.raises(DataError, match=rf"{MIDDLE}/val_3\.JPEG is 32x32, the first image is 64x64; .*fetch it again"):
        everything(opened(f"tiny-imagenet:{tiny}"))
    write_files(tiny, {"val/images/val_3.JPEG": b"no image"})
    with pytest.raises(DataError, match=rf"{MIDDLE}/val_3\.JPEG is not an image"):
        everything(opened(f"tiny-imagenet:{tiny}"))


@pytest.mark.parametrize("option", ["split=test", "resize=32", "classes=200", "clean=digits"])
def test_the_test_split_and_options_of_others_are_refused(tiny: Path, option: str) -> None:
    with pytest.raises(UsageError, match=r"split must be train or val, got 'test'|allowed: split, name\."):
        open_data(f"tiny-imagenet:{tiny},{option}")


@pytest.mark.parametrize("scheme", ["tiny-imagenet", "tiny-imagenet-c"])
@pytest.mark.parametrize("suffix", [".tar", ".tar.xz"])
def test_archives_that_lead_out_of_their_folder_are_refused(tmp_path: Path, scheme: str, suffix: str) -> None:
    path = archive_of(published(tmp_path / "tiny"), suffix)
    with tarfile.open(path, f"w:{suffix.removeprefix('.tar').removeprefix('.')}") as archive:
        archive.addfile(tarfile.TarInfo(f"val/images/../../../{FIRST}.JPEG"))
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match="unsafe member name"):
        open_data(f"{scheme}:{path}")
    assert snapshot(tmp_path) == before


SHARED_FILE = SHARED / "data" / "tiny-imagenet-val.tar.xz"


@pytest.mark.skipif(not SHARED_FILE.is_file(), reason="Tiny-ImageNet's validation images are not beside the checkout")
def test_the_published_validation_images_are_fifty_of_each_class() -> None:
    data = opened(f"tiny-imagenet:{SHARED_FILE}")
    assert (len(data), data.classes, data.size) == (10_000, 200, (64, 64))
    assert np.bincount(data.labels).tolist() == [50] * 200
    # The first line of its annotations: val_0.JPEG is of n03444034.
    row = data.ids.tolist().index(path_id("n03444034/val_0.JPEG"))
    assert TINY_IMAGENET.wnids[data.labels[row]] == "n03444034"
    with tarfile.open(SHARED_FILE) as archive:
        listed = archive.extractfile("tiny-imagenet-200/wnids.txt")
        assert listed is not None
        assert sorted(listed.read().decode().split()) == list(TINY_IMAGENET.wnids)
