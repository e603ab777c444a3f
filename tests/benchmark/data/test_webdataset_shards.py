"""Shards of WebDataset: which files are a sample, in what order they come, and what is refused."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.errors import DataError, UsageError


def picture(value: int, kind: str = "PNG", side: int = 32) -> bytes:
    file = io.BytesIO()
    pixels = np.full((side, side, 3), value, np.uint8)
    Image.fromarray(pixels).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


def shard(path: Path, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def samples(*values: int, first: int = 0, label: int | None = None) -> dict[str, bytes]:
    """Keys count up, and an image of grey 20 k is of class k."""
    files = {}
    for key, value in enumerate(values, first):
        files[f"{key:05d}.png"] = picture(20 * value)
        files[f"{key:05d}.cls"] = f"{value if label is None else label}\n".encode()
    return files


def opened(spec: str) -> Dataset:
    found = open_data(spec)
    assert isinstance(found, Dataset)
    return found


def greys(data: Dataset) -> list[int]:
    return [int(image[0, 0, 0]) // 20 for image in data.images(np.arange(len(data)))]


def test_every_sample_of_every_shard_comes_with_its_own_label(tmp_path: Path) -> None:
    shard(tmp_path / "val-000.tar", samples(2, 0))
    shard(tmp_path / "val-001.tar.gz", samples(1, 2))
    data = opened(f"wds:{tmp_path}/val-*")
    assert (data.name, data.classes, data.size, len(data)) == ("val", 3, (32, 32), 4)
    assert greys(data) == data.labels.tolist() == [2, 0, 1, 2]
    assert len(set(data.ids.tolist())) == 4
    assert data.paths == tuple(f"{k}/val-00{s}-0000{i}.png" for k, s, i in ((2, 0, 0), (0, 0, 1), (1, 1, 0), (2, 1, 1)))


def test_a_range_and_a_glob_name_the_same_data(tmp_path: Path) -> None:
    for number in range(3):
        shard(tmp_path / f"a-{number:02d}.tar", samples(number, 1))
    shard(tmp_path / "b.tar", samples(0))
    whole, ranged = opened(f"wds:{tmp_path}/a-*.tar"), opened(f"wds:{tmp_path}/a-{{00..02}}.tar")
    assert whole.fingerprint == ranged.fingerprint
    assert whole.labels.tolist() == ranged.labels.tolist() == [0, 1, 1, 1, 2, 1]
    part = opened(f"wds:{tmp_path}/a-{{01..02}}.tar")
    assert part.labels.tolist() == [1, 1, 2, 1]
    assert part.fingerprint != whole.fingerprint
    assert part.ids.tolist() == whole.ids.tolist()[2:]


def test_an_image_of_any_of_the_kinds_is_a_sample_and_what_lies_beside_is_counted(tmp_path: Path) -> None:
    files = {"deep/a.PNG": picture(20), "deep/a.cls": b"1", "deep/a.json": b"{}", "b.webp": picture(0, "WEBP")}
    files |= {"b.cls": b"0", "b.seg.png": b"not read", "c.jpg": picture(40, "JPEG"), "c.cls": b" 2 ", "c.json": b"{}"}
    data = opened(f"wds:{shard(tmp_path / 'x.tar', files)},name=mine,classes=9")
    assert (data.name, data.classes, greys(data)) == ("mine", 9, data.labels.tolist())
    assert data.notes[0] == "Left out: 3 files in the shards beside images and .cls (2 .json, 1 .png)."
    assert "JPEG" in data.notes[1]


def test_a_changed_label_is_another_fingerprint_even_of_the_same_images(tmp_path: Path) -> None:
    first = opened(f"wds:{shard(tmp_path / 'a' / 'x.tar', samples(1, 1, label=0))}")
    second = opened(f"wds:{shard(tmp_path / 'b' / 'x.tar', samples(1, 1, label=1))}")
    assert first.fingerprint != second.fingerprint


def test_shards_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        shard(tmp_path / folder / "x.tar", samples(0, 1))
    assert len(set(opened(f"wds:{tmp_path}/*/x.tar").ids.tolist())) == 4


def test_images_are_resized_and_cropped_as_photos_are(tmp_path: Path) -> None:
    files = {"a.png": picture(20, side=40), "a.cls": b"0", "b.png": picture(40, side=50), "b.cls": b"1"}
    path = shard(tmp_path / "x.tar", files)
    assert opened(f"wds:{path},resize=36,crop=32").images(np.arange(2)).shape == (2, 3, 32, 32)
    with pytest.raises(DataError, match="is 50x50, the first image is 40x40; add resize= and crop="):
        opened(f"wds:{path}").images(np.arange(2))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.png": b"", "b.cls": b"0"}, r"the sample a has no a\.cls"),
        ({"a.cls": b"0"}, "the sample a has no image"),
        ({"a.png": b"", "a.jpg": b"", "a.cls": b"0"}, "the sample a has several images"),
        ({"a.png": b"", "a.cls": b"-1"}, "holds '-1', expected the number of a class"),
        ({"a.png": b"", "a.cls": b"1.5"}, "holds '1.5', expected the number"),
        ({"a.png": b"", "a.cls": "²".encode()}, "expected the number of a class"),
        ({"a.png": b"", "a.cls": b"9" * 65}, "holds 'a long text', expected the number"),
        ({"a.png": b"", "a.cls": b"9" * 20}, "expected the number of a class"),
        ({"a.png": b"nothing", "a.cls": b"0"}, "is not an image"),
        ({"a/b.png": b"", "a/b.cls": b"0", "a-b.png": b"", "a-b.cls": b"0"}, "holds two samples x/a"),
        ({"a.txt": b""}, r"holds no images as KEY\.jpg beside KEY\.cls"),
        ({"../a.png": b"", "../a.cls": b"0"}, "unsafe member name"),
    ],
)
def test_a_shard_that_is_not_such_a_set_is_a_sentence(tmp_path: Path, files: dict[str, bytes], sentence: str) -> None:
    path = shard(tmp_path / "x.tar", files)
    with pytest.raises(DataError, match=sentence):
        open_data(f"wds:{path}")


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("none-*.tar", "matches no file"),
        ("none.tar", r"none\.tar does not exist"),
        ("x-{0..1}.tar", r"x-1\.tar does not exist"),
        ("x-{3..1}.tar", "should go up"),
        ("x-{0..999999999}.tar", "should go up, over at most"),
        ("{0..9999}{0..9999}.tar", "names more than 100000 shards"),
        ("x-0.*", "is not a tar file"),
    ],
)
def test_a_pattern_that_names_no_shards_is_a_sentence(tmp_path: Path, pattern: str, sentence: str) -> None:
    shard(tmp_path / "x-0.tar", samples(0))
    (tmp_path / "x-0.txt").write_text("")
    with pytest.raises(DataError, match=sentence):
        open_data(f"wds:{tmp_path}/{pattern}")


def test_keys_and_classes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", samples(0, 3))
    with pytest.raises(DataError, match="has the class 3, and classes=2 says 0 to 1"):
        open_data(f"wds:{path},classes=2")
    with pytest.raises(UsageError, match="split= has no meaning here"):
        open_data(f"wds:{path},split=test")
    with pytest.raises(UsageError, match="does not say which data"):
        open_data("wds")
