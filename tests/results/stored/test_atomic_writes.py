"""Files are written whole, outlive a loss of power, and leave nothing behind for longer than until the next write."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robustsweep.results.stored.files import remove_abandoned, write_atomically

KILLED = """
import os, signal, sys
from pathlib import Path
from robustsweep.results.stored.files import write_atomically

def content():
    yield b"half"
    os.kill(os.getpid(), signal.SIGKILL)

write_atomically(Path(sys.argv[1]), content())
"""


def killed_while_it_writes(path: Path) -> None:
    """Write a file in a process that is killed before it is whole."""
    assert subprocess.run([sys.executable, "-c", KILLED, path]).returncode == -signal.SIGKILL


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_was_writing_goes_with_the_next_write_into_the_folder(tmp_path: Path) -> None:
    killed_while_it_writes(tmp_path / "a.npz")
    (left,) = names(tmp_path)
    assert left.startswith(".a.npz.")
    write_atomically(tmp_path / "b.npz", b"b")
    assert names(tmp_path) == ["b.npz"]


def test_what_is_being_written_is_left_alone_and_two_writers_of_one_file_do_not_collide(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"

    def content() -> Iterator[bytes]:
        yield b"fir"
        write_atomically(path, b"second")
        remove_abandoned(tmp_path)
        assert path.read_bytes() == b"second"
        yield b"st"

    write_atomically(path, content())
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["a.npz"]


def test_hidden_files_of_others_stay(tmp_path: Path) -> None:
    kept = [".a.d41d8cd98f00b204e9800998ecf8427e", ".robustsweep-0123456789abcdef", ".a.robustsweep-x", ".a.tmp"]
    for name in kept:
        (tmp_path / name).write_text("")
    (tmp_path / ".link.robustsweep-0123456789abcdef").symlink_to(tmp_path / kept[0])
    (tmp_path / ".folder.robustsweep-0123456789abcdef").mkdir()
    before = names(tmp_path)
    write_atomically(tmp_path / "a", b"")
    assert names(tmp_path) == sorted([*before, "a"])


def test_a_temporary_that_is_found_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, found = fcntl.flock, []

    def late(file: object, how: int) -> None:
        if not found:
            found.extend(tmp_path.iterdir())
            found[0].unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_atomically(tmp_path / "a", b"whole")
    assert found
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names(tmp_path) == ["a"]


def test_without_locks_files_are_written_and_nothing_is_taken_for_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(file: object, how: int) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    (tmp_path / ".a.robustsweep-0123456789abcdef").write_text("perhaps another's")
    write_atomically(tmp_path / "a", b"whole")
    assert names(tmp_path) == [".a.robustsweep-0123456789abcdef", "a"]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[Path], bool]]:
    """Record, for each call of fsync, whether it was for a given path."""
    calls: list[Callable[[Path], bool]] = []

    def record(handle: int) -> None:
        found = os.fstat(handle)
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "file"
        calls.append(lambda path: (path.is_dir() == (kind == "folder")) and path.stat().st_ino == found.st_ino)

    monkeypatch.setattr(os, "fsync", record)
    return calls


def test_the_file_and_then_its_folder_are_synced_and_new_folders_in_those_around_them(
    tmp_path: Path, synced: list[Callable[[Path], bool]]
) -> None:
    path = tmp_path / "new" / "newer" / "a"
    write_atomically(path, b"")
    expected = [tmp_path, tmp_path / "new", path, path.parent]
    assert [is_of(where) for is_of, where in zip(synced, expected, strict=True)] == [True] * 4
    synced.clear()
    write_atomically(path, b"again")
    assert [is_of(where) for is_of, where in zip(synced, expected[2:], strict=True)] == [True] * 2


def test_a_folder_that_cannot_be_synced_because_its_file_system_does_not_know_how_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files_alone(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", files_alone)
    write_atomically(tmp_path / "a", b"whole")
    assert names(tmp_path) == ["a"]

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error") as raised:
        write_atomically(tmp_path / "a", b"more")
    assert str(raised.value.filename) == str(tmp_path / "a")
