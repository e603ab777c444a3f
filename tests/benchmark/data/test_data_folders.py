import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, everything, opened, pixels, png_files, write_files

from robustsweep import cache
from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K
from robustsweep.errors import DataError, UsageError

NAMES = ("cat/1.png", "cat/2.png", "ant/b/1.png", "dog/10.png", "dog/2.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_files(tmp_path / "photos", png_files(*NAMES))


def test_classes_are_numbered_in_the_order_of_their_names(photos: Path) -> None:
    data = opened(f"imagefolder:{photos}")
    assert (data.name, data.split, data.classes, data.size) == ("photos", "all", 3, (8, 8))
    assert data.labels.tolist() == [0, 1, 1, 2, 2]
    by_name = sorted(NAMES)
    for row, name in enumerate(by_name):
        assert np.array_equal(everything(data)[row].transpose(1, 2, 0), np.asarray(pixels(NAMES.index(name))))


def path_hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


def test_an_id_is_the_hash_of_the_path_inside_the_split_with_the_suffix_of_corrupted_trees(photos: Path) -> None:
    expected = [path_hash(name.rsplit(".", 1)[0] + ".JPEG") for name in sorted(NAMES)]
    assert opened(f"imagefolder:{photos}").ids.tolist() == expected
    split = photos.rename(photos.parent / "test")
    assert opened(f"imagefolder:{split.parent},split=test").ids.tolist() == expected


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip"])
@pytest.mark.parametrize("wrapper", ["", "photos-v1/", "./a/b/"])
def test_a_folder_and_its_archive_are_the_same_data(photos: Path, suffix: str, wrapper: str) -> None:
    folder = opened(f"imagefolder:{photos}")
    archive = opened(f"imagefolder:{archive_of(photos, suffix, wrapper)}")
    assert archive.name == folder.name
    assert archive.fingerprint == folder.fingerprint
    assert np.array_equal(archive.ids, folder.ids)
    assert np.array_equal(archive.labels, folder.labels)
    assert np.array_equal(everything(archive), everything(folder))


def test_rows_are_read_in_the_order_that_is_asked_for(photos: Path) -> None:
    for path in (photos, archive_of(photos, ".tar"), archive_of(photos, ".zip")):
        data = opened(f"imagefolder:{path}")
        assert np.array_equal(data.images(np.array([3, 0, 3])).numpy(), everything(data)[[3, 0, 3]])


def test_a_photograph_is_what_its_file_holds_whatever_the_preprocessing(photos: Path) -> None:
    plain = opened(f"imagefolder:{photos}")
    for path in (photos, archive_of(photos, ".tar.gz")):
        data = opened(f"imagefolder:{path},resize=6,crop=4")
        assert data.size == (4, 4)
        for row in range(len(data)):
            assert np.array_equal(data.photo(row).numpy(), everything(plain)[row])


def test_jpeg_files_carry_a_note_and_others_do_not(tmp_path: Path, photos: Path) -> None:
    jpeg = write_files(tmp_path / "jpeg", {"cat/1.jpg": encoded(pixels(0), "JPEG")})
    assert "start from pixels compressed before" in opened(f"imagefolder:{jpeg}").notes[0]
    assert opened(f"imagefolder:{photos}").notes == ()


def splits(root: Path, *names: str) -> Path:
    return write_files(root, png_files(*(f"{split}/{c}/{i}.png" for split in names for c in "ab" for i in range(2))))


@pytest.mark.parametrize(
    ("there", "taken"),
    [(("train", "val", "test"), "test"), (("train", "val"), "val"), (("test",), "test"), (("val",), "val")],
)
def test_test_is_the_default_split_else_val(tmp_path: Path, there: tuple[str, ...], taken: str) -> None:
    root = splits(tmp_path / "set", *there)
    data = opened(f"imagefolder:{root}")
    assert (data.split, len(data), data.classes) == (taken, 4, 2)
    assert data.fingerprint == opened(f"imagefolder:{root},split={taken}").fingerprint
    assert data.fingerprint == opened(f"imagefolder:{root / taken}").fingerprint


def test_training_images_are_a_split_only_where_they_are_asked_for(tmp_path: Path) -> None:
    root = splits(tmp_path / "set", "train")
    assert opened(f"imagefolder:{root}").split == "all"
    assert opened(f"imagefolder:{root},split=train").split == "train"
    assert opened(f"imagefolder:{archive_of(root, '.tar', 'wrapped/')},split=train").classes == 2


def test_splits_hold_different_images(tmp_path: Path) -> None:
    root = splits(tmp_path / "set", "train", "test")
    train, test = opened(f"imagefolder:{root},split=train"), opened(f"imagefolder:{root}")
    assert train.fingerprint != test.fingerprint
    assert not np.array_equal(everything(train), everything(test))
    assert train.ids.tolist() == test.ids.tolist()


@pytest.mark.parametrize("there", [("train", "test"), ("test",)])
def test_a_split_that_is_not_there_is_refused_naming_those_that_are(tmp_path: Path, there: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=f"has no split 'val'; it has {', '.join(reversed(sorted(there)))}|{there[-1]}"):
        open_data(f"imagefolder:{splits(tmp_path / 'set', *there)},split=val")
    with pytest.raises(UsageError, match="split must be train or val or test"):
        open_data(f"imagefolder:{tmp_path},split=validation")


def test_a_folder_that_wraps_everything_is_skipped_also_beside_a_readme(photos: Path, tmp_path: Path) -> None:
    fingerprint = opened(f"imagefolder:{photos}").fingerprint
    write_files(tmp_path / "outer", {"README.txt": b"read me", ".DS_Store": b"", "__MACOSX/x.png": b""})
    shutil.move(photos, tmp_path / "outer" / "inner")
    data = opened(f"imagefolder:{tmp_path / 'outer'}")
    assert (data.fingerprint, data.classes) == (fingerprint, 3)


def test_one_class_is_no_wrapper(tmp_path: Path) -> None:
    write_files(tmp_path / "set", png_files("cat/1.png", "cat/2.png"))
    assert opened(f"imagefolder:{tmp_path / 'set'}").labels.tolist() == [0, 0]


def test_files_that_are_no_images_and_hidden_ones_are_left_out(photos: Path) -> None:
    before = opened(f"imagefolder:{photos}")
    write_files(photos, {"cat/notes.txt": b"x", "cat/.1.png": b"x", ".cache/1.png": b"x"})
    after = opened(f"imagefolder:{photos}")
    assert after.fingerprint == before.fingerprint
    assert len(after) == len(before)


def test_suffixes_count_in_any_case_of_letters(tmp_path: Path) -> None:
    files = {"a/1.JPEG": encoded(pixels(1), "JPEG"), "b/2.Png": encoded(pixels(2))}
    assert len(opened(f"imagefolder:{write_files(tmp_path / 'set', files)}")) == 2


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no images as CLASS/IMAGE"),
        ({"1.png": b""}, "holds no images as CLASS/IMAGE"),
        ({"cat/1.txt": b""}, "holds no images as CLASS/IMAGE"),
        ({"cat/1.jpg": b"text", "dog/1.jpg": b""}, "set: cat/1.jpg is not an image"),
    ],
)
def test_folders_without_images_are_refused(tmp_path: Path, files: dict[str, bytes], sentence: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    with pytest.raises(DataError, match=sentence):
        open_data(f"imagefolder:{write_files(folder, files)}")


def test_a_bad_file_is_named_when_it_is_read(photos: Path) -> None:
    good = encoded(pixels(1, 8, 8))
    write_files(photos, {"dog/2.png": good[: len(good) // 2]})
    data = opened(f"imagefolder:{photos}")
    with pytest.raises(DataError, match=rf"{photos.name}: dog/2\.png cannot be decoded"):
        everything(data)


def test_locations_that_are_nothing_are_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match="needs a folder or an archive: imagefolder:PATH"):
        open_data("imagefolder:")
    with pytest.raises(DataError, match="does not exist; give a folder or an archive"):
        open_data(f"imagefolder:{photos / 'none'}")
    with pytest.raises(DataError, match="neither a folder nor an archive"):
        open_data(f"imagefolder:{photos / 'cat' / '1.png'}")
    with pytest.raises(UsageError, match=f"is a path alone; say what it is, such as imagefolder:{photos}"):
        open_data(str(photos))


def test_the_folder_names_the_data_unless_the_spec_does(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    assert opened("imagefolder:.").name == "photos"
    assert opened("imagefolder:.,name=mine").name == "mine"


def test_preprocessing_belongs_to_the_data_and_is_said(tmp_path: Path) -> None:
    root = write_files(tmp_path / "set", png_files("a/1.png", "b/1.png", side=20))
    plain, small = opened(f"imagefolder:{root}"), opened(f"imagefolder:{root},resize=16,crop=12")
    assert (plain.size, small.size) == ((20, 20), (12, 12))
    assert plain.preprocessing != small.preprocessing
    assert small.preprocessing.startswith("resize 16 bilinear antialiased, centre crop 12; libjpeg")
    with pytest.raises(UsageError, match="resize= must be"):
        open_data(f"imagefolder:{root},resize=0")


def test_imagenet_classes_keep_their_thousand_indices_where_only_some_are_there(tmp_path: Path) -> None:
    wnids = IMAGENET_1K.wnids
    chosen = [wnids[999], wnids[0], wnids[481]]
    root = write_files(tmp_path / "val", png_files(*(f"{w}/1.png" for w in chosen), side=260))
    data = opened(f"imagenet:{root}")
    assert data.labels.tolist() == [0, 481, 999]
    assert (data.classes, data.size, data.name) == (1000, (224, 224), "imagenet")
    write_files(root, png_files("n99999999/1.png"))
    with pytest.raises(DataError, match="'n99999999' is not a wnid of ImageNet-1k; use imagefolder:"):
        open_data(f"imagenet:{root}")


def test_the_wnids_are_the_thousand_of_imagenet_in_sorted_order() -> None:
    wnids = IMAGENET_1K.wnids
    assert len(set(wnids)) == 1000
    assert list(wnids) == sorted(wnids)
    # Tench, goldfish, Egyptian cat and toilet tissue, as every list of the classes has them.
    assert [wnids[i] for i in (0, 1, 285, 999)] == ["n01440764", "n01443537", "n02124075", "n15075141"]


def test_linked_class_folders_are_read_as_if_they_lay_there(photos: Path, tmp_path: Path) -> None:
    subset = tmp_path / "subset"
    subset.mkdir()
    for name in ("cat", "dog", "ant"):
        (subset / name).symlink_to(photos / name)
    assert opened(f"imagefolder:{subset}").fingerprint == opened(f"imagefolder:{photos}").fingerprint


def test_links_that_lead_nowhere_or_back_up_are_refused(photos: Path) -> None:
    (photos / "cat" / "up").symlink_to(photos)
    with pytest.raises(DataError, match="links back to a folder above it"):
        open_data(f"imagefolder:{photos}")
    (photos / "cat" / "up").unlink()
    (photos / "cat" / "3.png").symlink_to(photos / "nowhere.png")
    with pytest.raises(DataError, match=r"3\.png cannot be read"):
        open_data(f"imagefolder:{photos}")


def test_a_file_that_vanishes_is_a_sentence(photos: Path) -> None:
    data = opened(f"imagefolder:{photos}")
    (photos / "dog" / "2.png").unlink()
    with pytest.raises(DataError, match=r"dog/2\.png cannot be read"):
        everything(data)


def test_names_that_are_not_utf8_are_refused(photos: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(photos) + b"/cat/\xe9.png")).write_bytes(encoded(pixels(1)))
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    with pytest.raises(DataError, match="name is not UTF-8; rename it"):
        open_data(f"imagefolder:{photos}")


def test_a_changed_file_changes_the_fingerprint(photos: Path) -> None:
    before = opened(f"imagefolder:{photos}").fingerprint
    path = photos / "cat" / "1.png"
    status = path.stat()
    original = path.read_bytes()
    path.write_bytes(original + b"\0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    larger = opened(f"imagefolder:{photos}").fingerprint
    changed = bytes([*original[:-1], original[-1] ^ 1])
    path.write_bytes(changed)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    later = opened(f"imagefolder:{photos}").fingerprint
    assert len({before, larger, later}) == 3


def test_a_renamed_file_changes_the_fingerprint(photos: Path) -> None:
    before = opened(f"imagefolder:{photos}").fingerprint
    (photos / "cat" / "1.png").rename(photos / "cat" / "9.png")
    assert opened(f"imagefolder:{photos}").fingerprint != before


def test_folders_of_equal_names_sizes_and_times_are_told_apart(tmp_path: Path) -> None:
    fingerprints_seen = set()
    for folder, seed in (("one", 1), ("two", 2)):
        root = write_files(tmp_path / folder, {"a/1.bmp": encoded(pixels(seed), "BMP")})
        os.utime(root / "a" / "1.bmp", ns=(0, 0))
        fingerprints_seen.add(opened(f"imagefolder:{root}").fingerprint)
    assert len(fingerprints_seen) == 2


def test_the_contents_are_hashed_once_while_no_file_changes(photos: Path, own_cache_folder: Path) -> None:
    first = opened(f"imagefolder:{photos}").fingerprint
    (remembered,) = (own_cache_folder / "fingerprints").iterdir()
    assert json.loads(remembered.read_text()) == {"fingerprint": first}
    remembered.write_text('{"fingerprint": "from the cache"}')
    assert opened(f"imagefolder:{photos}").fingerprint == "from the cache"
    for damaged in ("", "{", "[]", '{"other": 1}'):
        remembered.write_text(damaged)
        assert opened(f"imagefolder:{photos}").fingerprint == first


def test_a_cache_that_cannot_be_written_costs_no_result(photos: Path, own_cache_folder: Path) -> None:
    own_cache_folder.write_text("a file where the folder should be")
    first = opened(f"imagefolder:{photos}").fingerprint
    own_cache_folder.unlink()
    assert opened(f"imagefolder:{photos}").fingerprint == first


def test_the_cache_lies_where_the_environment_says(own_cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.cache_folder() == own_cache_folder
    monkeypatch.delenv(cache.CACHE_VARIABLE)
    assert cache.cache_folder().name == "robustsweep"
