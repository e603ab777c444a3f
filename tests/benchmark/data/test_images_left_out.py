"""No data set is smaller than its folder without a word."""

import os
import shutil
import socket
import warnings
from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, everything, opened, pixels, png_files, write_files
from PIL import Image, features

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files.pixels import Preprocessing, decode
from robustsweep.errors import DataError

KINDS = {
    "a.png": "PNG", "b.jfif": "JPEG", "c.gif": "GIF", "d.pgm": "PPM", "e.PBM": "PPM", "f.JPE": "JPEG", "g.dib": "DIB",
    "h.webp": "WEBP", "i.tif": "TIFF",
    **({"j.avif": "AVIF"} if features.check("avif") else {}),
    **({"k.jp2": "JPEG2000"} if features.check("jpg_2000") else {}),
}  # fmt: skip


def test_every_raster_format_that_is_safe_is_read_in_any_case_of_its_suffix(tmp_path: Path) -> None:
    files = {f"cat/{name}": encoded(pixels(1, 16, 16), kind) for name, kind in KINDS.items()}
    data = opened(f"imagefolder:{write_files(tmp_path / 'set', files)}")
    assert len(data) == len(KINDS)
    assert everything(data).shape == (len(KINDS), 3, 16, 16)
    assert not any("Left out" in note for note in data.notes)


def test_what_a_file_is_its_content_says_and_not_its_suffix(tmp_path: Path) -> None:
    root = write_files(tmp_path / "set", {"cat/1.jpg": encoded(pixels(1)), "cat/2.png": encoded(pixels(2), "GIF")})
    read = everything(opened(f"imagefolder:{root}"))
    assert np.array_equal(read[0].transpose(1, 2, 0), np.asarray(pixels(1)))


@pytest.mark.parametrize("suffix", ["", ".tar", ".zip"])
def test_files_that_are_not_read_are_counted_by_suffix(tmp_path: Path, suffix: str) -> None:
    files = {
        "cat/1.heic": b"x",
        "cat/2.HEIC": b"x",
        "cat/b/3.txt": b"x",
        "cat/plain": b"x",
        "4.png": b"x",
        "5.svg": b"x",
    }
    root = write_files(tmp_path / "set", png_files("cat/1.png", "dog/1.png") | files | {"README.md": b"x"})
    data = opened(f"imagefolder:{archive_of(root, suffix) if suffix else root}")
    assert len(data) == 2
    assert data.notes == (
        "Left out: 4 files in class folders, not read as images (2 .heic, 1 .txt, 1 without suffix).",
        "Left out: 2 files in no class folder (1 .png, 1 .svg).",
    )


@pytest.mark.parametrize("suffix", ["", ".tar", ".tar.gz", ".zip"])
def test_a_class_folder_of_which_nothing_is_left_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    root = write_files(tmp_path / "set", png_files("ant/1.png", "cat/1.png") | {"bee/1.heic": b"x", "bee/2.heic": b"x"})
    spec = f"imagefolder:{archive_of(root, suffix) if suffix else root}"
    with pytest.raises(
        DataError, match=r"class folder 'bee' holds no image that is read\. Left out: 2 files .*2 \.heic"
    ):
        open_data(spec)


def test_an_empty_class_folder_is_refused_by_name(tmp_path: Path) -> None:
    root = write_files(tmp_path / "set", png_files("ant/1.png", "cat/1.png"))
    (root / "bee").mkdir()
    (root / ".git").mkdir()
    with pytest.raises(DataError, match=r"class folder 'bee' holds no image that is read\. It is empty\."):
        open_data(f"imagefolder:{root}")
    packed = shutil.make_archive(str(tmp_path / "packed"), "tar", root)
    with pytest.raises(DataError, match="'bee' holds no image"):
        open_data(f"imagefolder:{packed}")


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_files(tmp_path / "set", png_files("ant/1.png", "cat/1.png"))
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("ant"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"ant cannot be listed \(Permission denied\)"):
        open_data(f"imagefolder:{root}")


def special(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)


@pytest.mark.parametrize("name", ["2.png", "2.txt"])
@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_what_is_no_regular_file_is_refused_and_never_opened(
    tmp_path: Path, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_files(tmp_path / "set", png_files("cat/1.png"))
    monkeypatch.chdir(root / "cat")  # the path of a socket must be short
    special(root / "cat" / name, kind)
    with pytest.raises(DataError, match=rf"cat/{name} is a pipe, a socket or a device and not a regular file"):
        open_data(f"imagefolder:{root}")


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = write_files(tmp_path / "set", png_files("cat/1.png", "cat/2.png"))
    data = opened(f"imagefolder:{root}")
    (root / "cat" / "2.png").unlink()
    os.mkfifo(root / "cat" / "2.png")
    with pytest.raises(DataError, match=r"cat/2\.png is not a regular file"):
        everything(data)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    first, second = pixels(1, 16, 16).convert("P"), pixels(2, 16, 16).convert("P")
    for kind in ("GIF", "PNG", "TIFF"):
        content = encoded(first, kind, save_all=True, append_images=[second])
        assert np.array_equal(decode(content, "1", Preprocessing()).permute(1, 2, 0), np.asarray(first.convert("RGB")))


def test_what_pillow_warns_of_reaches_nobody_and_other_warnings_stay() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\xff\xff\0\0\x10\0\0\0\0\0\0\0"
    content = encoded(pixels(1, 16, 16), "JPEG", exif=exif)
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decode(content, "1.jpg", Preprocessing())
        decode(encoded(Image.new("P", (8, 8)), transparency=bytes(256)), "1.png", Preprocessing())
        assert not caught
        warnings.warn("another's", UserWarning, stacklevel=1)
        assert len(caught) == 1
    assert list(warnings.filters) == before
