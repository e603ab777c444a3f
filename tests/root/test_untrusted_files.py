"""Files from elsewhere: not a plain file, too large, damaged or not what it claims is named, and nothing else."""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from robustsweep.errors import DataError
from robustsweep.untrusted.arrays import read_arrays
from robustsweep.untrusted.files import parse_json, read_json, read_regular, read_toml, reading
from robustsweep.untrusted.json import MOST_DEPTH

FILE = Path("some.json")


@pytest.mark.parametrize("raised", [ValueError("x"), MemoryError(), RecursionError(), OverflowError("y"), KeyError()])
def test_whatever_goes_wrong_while_a_file_is_read_names_it(raised: Exception) -> None:
    with pytest.raises(DataError, match=r"some\.json cannot be read .*; put it back\."), reading(FILE, "put it back"):
        raise raised


def test_an_error_that_names_its_file_passes_as_it_is() -> None:
    with pytest.raises(DataError, match=r"^mine$"), reading(FILE, "put it back"):
        raise DataError("mine")


def test_a_regular_file_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link", 3) == b"abc"
    with pytest.raises(DataError, match="has 3 bytes, more than the 2 that are read"):
        read_regular(tmp_path / "link", 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(DataError, match="regular|directory"):
            read_regular(path, 10)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.json cannot be read \(No such file or directory\)"):
        read_json(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[-Infinity]",
        "1e999",
        "9223372036854775808",
        "7" * 5000,
        r'"\ud800"',
        "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1),
        "[" * 100_000 + "]" * 100_000,
        "[" + "[]," * 2_000_000 + "[]]",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_not_strict_json_of_bounded_size_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"some\.json cannot be read"):
        parse_json(text, FILE)


def test_strict_json_is_read_whatever_brackets_its_texts_hold() -> None:
    value = {"a": [1, 2.5, None, True], "b": "[" * 1000, "c": "é\U0001f600", "d": -(1 << 63)}
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False).encode()):
        assert parse_json(text, FILE) == value


def test_a_document_is_one_object(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(DataError, match=r"a\.json holds a JSON list, expected an object"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["a = ", 'a = "\\u0000', "a = " + "7" * 5000, "a = " + "[" * 5000, "\xff"])
def test_toml_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.toml (cannot be read|is not TOML)"):
        read_toml(tmp_path / "a.toml")


def test_arrays_come_back_with_their_type_and_order(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "f": np.asfortranarray(np.eye(3)), "none": np.zeros(0)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    read = read_arrays(tmp_path / "a.npz")
    assert {name: (a.dtype, a.tolist()) for name, a in read.items()} == {
        name: (a.dtype, a.tolist()) for name, a in arrays.items()
    }
    assert list(read_arrays(tmp_path / "a.npz", "f")) == ["f"]
    with pytest.raises(DataError, match="has no array 'b'; it has a, f, none"):
        read_arrays(tmp_path / "a.npz", "b")


def header(description: str) -> bytes:
    text = description.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"no array",
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,)}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (10**30,)}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (1" + "0" * 30 + ",)}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,)}") + bytes(8),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}") + bytes(8),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}") + bytes(16),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + bytes(8),
        header("(" * 90),
        b"\x93NUMPY\x09\x00" + bytes(20),
    ],
    ids=str,
)
def test_members_that_are_not_what_they_promise_take_no_memory(tmp_path: Path, member: bytes) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.npy", member)
    (tmp_path / "a.npz").write_bytes(content.getvalue())
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        read_arrays(tmp_path / "a.npz")


def test_a_small_file_that_unpacks_to_more_than_is_read_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(100_000))
    with pytest.raises(DataError, match="unpacks to 8001[0-9]+ bytes|unpacks to 800128 bytes, more than the 10000"):
        read_arrays(tmp_path / "a.npz", most_bytes=10_000)


def test_pickles_in_arrays_are_never_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="not numbers"):
        read_arrays(tmp_path / "a.npz")
