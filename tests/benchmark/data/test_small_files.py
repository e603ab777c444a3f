"""Files of data that are small on disk and would take gigabytes, and headers that promise what is not there."""

import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from image_trees import encoded, opened_official, pixels, png_files, write_files

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files import archives
from robustsweep.benchmark.data.files import pixels as decoding
from robustsweep.benchmark.data.files.pixels import Preprocessing, decode
from robustsweep.errors import DataError
from robustsweep.untrusted import growth as unpacking

IMAGE = encoded(pixels(1))
KIB = 1 << 10


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the limits begin at 64 KiB, so that the tests need not write gigabytes."""
    monkeypatch.setattr(unpacking.most_unpacked, "__defaults__", (64 * KIB,))
    monkeypatch.setattr(unpacking.check_growth, "__defaults__", (64 * KIB,))


def header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz(path: Path, images: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    labels = io.BytesIO()
    np.save(labels, np.zeros(3, np.int64))
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("images.npy", images)
        archive.writestr("labels.npy", labels.getvalue())
    return path


@pytest.mark.usefixtures("small")
def test_an_npz_that_grows_too_much_is_refused_and_one_that_is_large_is_not(tmp_path: Path) -> None:
    n = 1000 * KIB
    with pytest.raises(DataError, match=r"a\.npz has \d+ bytes and unpacks to \d+, more than 200 times as many"):
        open_data(f"npz:{npz(tmp_path / 'a.npz', header(f'({n},)') + bytes(n))}")
    large = npz(tmp_path / "b.npz", header(f"({n},)") + np.random.default_rng(0).bytes(n))
    with pytest.raises(DataError, match="images should be uint8"):
        open_data(f"npz:{large}")


def test_flat_images_of_ordinary_number_are_read(tmp_path: Path) -> None:
    path = tmp_path / "flat.npz"
    np.savez_compressed(path, images=np.zeros((1000, 32, 32, 3), np.uint8), labels=np.zeros(1000, np.int64))
    assert path.stat().st_size * 100 < 1000 * 3072
    assert open_data(f"npz:{path}")


@pytest.mark.parametrize(
    "start",
    [
        header("(1000000000000,)"), header(f"({10**30},)"), header("(-5, 32, 32, 3)"), header("(3, 32, 32, 3)"),
        header("(" * 9000), header("(1e3,)"), header("'x'"), b"\x93NUMPY\x02\x00\xff\xff\xff\xff", b"\x93NUMPY\x07\x00",
        header(f"({10**12}, 0)"),
    ],
    ids=["10**12", "10**30", "negative", "too few", "brackets", "float", "text", "4 GiB header", "version 7", "empty"],
)  # fmt: skip
def test_headers_that_promise_what_is_not_there_are_refused(tmp_path: Path, start: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.npz(: images should be| cannot be read)"):
        open_data(f"npz:{npz(tmp_path / 'a.npz', start)}")
    folder = write_files(tmp_path / "c", {"fog.npy": start})
    np.save(folder / "labels.npy", np.zeros(5, np.int64))
    with pytest.raises(DataError, match=r"fog\.npy (is truncated or not a \.npy file|should hold)"):
        opened_official(f"cifar10-c:{folder}").check("fog")
    (folder / "labels.npy").write_bytes(start)
    with pytest.raises(DataError, match=r"labels\.npy (is truncated or not a \.npy file|should hold)"):
        open_data(f"cifar10-c:{folder}")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_zip_without_a_bound_are_refused_by_name(tmp_path: Path, method: int) -> None:
    with pytest.raises(DataError, match=f"images.npy is packed by zip's method {method}; pack it with deflate"):
        open_data(f"npz:{npz(tmp_path / 'a.npz', header('(3,)') + b'abc', method)}")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("cat/1.png", IMAGE)
    with pytest.raises(DataError, match="cat/1.png is packed by zip's method"):
        open_data(f"imagefolder:{tmp_path / 'a.zip'}")


def tar_of(file: IO[bytes], *members: tuple[str, bytes]) -> None:
    with tarfile.open(fileobj=file, mode="w|") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open])
@pytest.mark.parametrize("name", ["cat/2.bmp", ".hidden/2"])
def test_a_compressed_tar_that_grows_too_much_is_refused(
    tmp_path: Path, opener: Callable[..., IO[bytes]], name: str
) -> None:
    path = tmp_path / "set.tar.gz"
    with opener(path, "wb") as file:
        tar_of(file, ("cat/1.png", IMAGE), (name, bytes(4000 * KIB)), ("cat/3.png", IMAGE))
    with pytest.raises(
        DataError, match=r"set\.tar\.gz unpacks to more than \d+ bytes; .*unpack it and give the folder"
    ):
        open_data(f"imagefolder:{path}")


def test_a_header_of_a_tar_is_not_read_whole_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBER_BYTES", 100 * KIB)
    info = tarfile.TarInfo("names")
    info.type, info.size = tarfile.XHDTYPE, 200 * KIB
    with gzip.open(tmp_path / "set.tar.gz", "wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(200 * KIB))
    with pytest.raises(DataError, match="holds a member of 204800 bytes, more than"):
        open_data(f"imagefolder:{tmp_path / 'set.tar.gz'}")


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz", ".tgz", ".tar"])
def test_how_a_tar_is_compressed_its_content_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"set{suffix}"
    with lzma.open(path, "wb") as file:
        tar_of(file, ("cat/1.png", IMAGE), ("dog/1.png", IMAGE))
    assert open_data(f"imagefolder:{path}").classes == 2


@pytest.mark.usefixtures("small")
def test_a_zip_that_grows_too_much_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.png", IMAGE)
        archive.writestr("cat/2.bmp", bytes(2000 * KIB))
    with pytest.raises(DataError, match=r"a\.zip has \d+ bytes and unpacks to \d+.*; unpack it and give the folder"):
        open_data(f"imagefolder:{tmp_path / 'a.zip'}")


@pytest.mark.parametrize("flags", [["--format=gnu"], ["--format=posix"], ["--format=gnu", "-z"]])
def test_sparse_members_of_a_tar_are_refused_by_name(tmp_path: Path, flags: list[str]) -> None:
    root = write_files(tmp_path / "set", png_files("cat/1.png"))
    with (root / "cat" / "2.png").open("wb") as file:
        file.truncate(1 << 20)
    path = tmp_path / ("set.tar.gz" if "-z" in flags else "set.tar")
    made = subprocess.run(["tar", *flags, "--sparse", "-cf", path, "-C", root, "cat"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"this machine's tar makes no sparse archives: {made.stderr!r}")
    with pytest.raises(DataError, match="'cat/2.png', which is a sparse file; pack it again without"):
        open_data(f"imagefolder:{path}")


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(bytes(9)))


@pytest.mark.parametrize(
    ("side", "sentence"),
    [
        (5000, "unpacks to 75000000, more than 200 times"),
        (10000, "10000x10000 pixels, more than"),
        (40000, "exceeds limit"),
    ],
)
def test_an_image_of_far_too_many_pixels_is_refused_undecoded(side: int, sentence: str) -> None:
    with pytest.raises(DataError, match=rf"cat/1\.png .*{sentence}"):
        decode(png_header(side, side), "cat/1.png", Preprocessing())


def test_a_large_photograph_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_FREE_IMAGE_BYTES", 1000)
    assert decode(encoded(pixels(1, 64, 64), "JPEG"), "1.jpg", Preprocessing()).shape == (3, 64, 64)


def test_a_pipe_among_arrays_is_refused_and_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.zeros(5, np.int64))
    os.mkfifo(tmp_path / "fog.npy")
    with pytest.raises(DataError, match=r"fog\.npy is not a regular file"):
        open_data(f"cifar10-c:{tmp_path}")
    with pytest.raises(DataError, match=r"fog\.npy is not a regular file"):
        open_data(f"npz:{tmp_path / 'fog.npy'}")


def test_a_pipe_in_place_of_an_archive_is_refused_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "set.tar")
    with pytest.raises(DataError, match="is neither a folder nor a regular file"):
        open_data(f"imagefolder:{tmp_path / 'set.tar'}")
