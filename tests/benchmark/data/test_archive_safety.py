import io
import stat
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, opened, pixels, png_files, snapshot, write_files

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files.trees import open_tree
from robustsweep.errors import DataError

IMAGE = encoded(pixels(1))
UNSAFE_NAMES = [
    "../escaped.png",
    "a/../../escaped.png",
    "/escaped.png",
    "//escaped.png",
    "..\\escaped.png",
    "a\\..\\..\\escaped.png",
    "\\escaped.png",
    "C:\\escaped.png",
    "C:/escaped.png",
    "c:escaped.png",
]


def tar_with(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, f"w:{path.suffix[1:] if path.suffix != '.tar' else ''}") as archive:
        for member in members:
            member.size = len(IMAGE) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(IMAGE) if member.isreg() else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def refused(path: Path, around: Path) -> str:
    """Open an archive that must be refused, and see that nothing was written anywhere near it."""
    before = snapshot(around)
    with pytest.raises(DataError) as caught:
        open_data(f"imagefolder:{path}")
    assert snapshot(around) == before
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz"])
@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_tar_members_that_leave_the_folder_are_refused(tmp_path: Path, name: str, suffix: str) -> None:
    path = tar_with(tmp_path / f"evil{suffix}", member("cat/1.png"), member(name))
    assert "unsafe member name" in refused(path, tmp_path)


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_zip_members_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", IMAGE)
        archive.writestr(name, IMAGE)
    assert "unsafe member name" in refused(path, tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, suffix: str) -> None:
    path = tar_with(tmp_path / f"evil{suffix}", member("cat/1.png"), member("cat/2.png", kind, "/etc/passwd"))
    assert "'cat/2.png', which is a link or a device" in refused(path, tmp_path)


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("cat/2.png")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("cat/1.png", IMAGE)
        archive.writestr(info, "/etc/passwd")
    assert "'cat/2.png', which is a link" in refused(tmp_path / "evil.zip", tmp_path)


def test_reading_a_good_archive_writes_nothing_but_the_fingerprint(tmp_path: Path, own_cache_folder: Path) -> None:
    files = png_files("cat/1.png", "dog/1.png")
    for suffix in (".tar", ".tar.xz", ".zip"):
        archive_of(write_files(tmp_path / "set", files), suffix)
    before = snapshot(tmp_path)
    for suffix in (".tar", ".tar.xz", ".zip"):
        data = opened(f"imagefolder:{tmp_path / 'set'}{suffix}")
        data.images(np.arange(2))
    assert [name for name in snapshot(tmp_path) if not name.startswith(str(own_cache_folder))] == before


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip"])
def test_an_archive_that_is_cut_or_no_archive_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = archive_of(write_files(tmp_path / "set", png_files("a/1.png", "b/1.png", side=64)), suffix).read_bytes()
    path = tmp_path / f"cut{suffix}"
    for content in (b"", b"a text file", whole[: len(whole) // 2], whole[:600]):
        path.write_bytes(content)
        assert "readable archive" in refused(path, tmp_path) or "holds no images" in refused(path, tmp_path)


def read_all(path: Path) -> None:
    tree = open_tree(path)
    for name in tree.names:
        tree.read(name)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip"])
def test_a_damaged_archive_gives_files_or_a_data_error_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    generator = np.random.default_rng(0)
    content = archive_of(write_files(tmp_path / "set", png_files("a/1.png", "b/1.png")), suffix).read_bytes()
    path = tmp_path / f"damaged{suffix}"
    for _ in range(100):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[generator.integers(0, len(damaged), 4)] = generator.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        with suppress(DataError):
            read_all(path)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive_of(write_files(tmp_path / "set", png_files("a/1.png", "b/1.png")), ".zip")
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read .*encrypted"):
        read_all(path)


def test_a_compressed_tar_of_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustsweep.benchmark.data.files.archives._MEMORY_LIMIT_BYTES", 1000)
    folder = write_files(tmp_path / "set", png_files("a/1.png", "b/1.png", side=128))
    assert "unpack it and give the folder" in refused(archive_of(folder, ".tar.gz"), tmp_path)
    assert len(opened(f"imagefolder:{archive_of(folder, '.tar')}")) == 2
