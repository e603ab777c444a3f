"""A writing that is stopped anywhere goes on where it was, in a folder that is its own."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from corrupted_folders import checksums, contents, severities, written
from image_trees import encoded, pixels, write_files
from torch import Tensor

from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.benchmark.writing import Writing, plan_writing, write_corrupted
from robustsweep.benchmark.writing.folder import OutputFolder, only_writer
from robustsweep.benchmark.writing.layouts import ArrayFiles, TreeFiles
from robustsweep.benchmark.writing.manifest import Manifest
from robustsweep.errors import DataError, RobustsweepError, UsageError
from robustsweep.results.stored.json.documents import sealed

# In blocks of 8 and 6.
N_IMAGES = 14


class StoppedError(Exception):
    """Stands for whatever ends a writing from outside."""


@pytest.fixture(params=["arrays", "trees"])
def writing(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writing:
    for module in ("plan.blocks", "writing.generation"):
        monkeypatch.setattr(f"robustsweep.benchmark.{module}.IMAGES_PER_BLOCK", 8)
    if request.param == "arrays":
        return plan_writing("digits", severities("gaussian_noise"), limit=N_IMAGES)
    names = [f"c{i % 3}/{i:02}.png" for i in range(N_IMAGES)]
    root = write_files(tmp_path / "photos", {name: encoded(pixels(i, 36, 36)) for i, name in enumerate(names)})
    return plan_writing(f"imagefolder:{root}", ["gaussian_noise@2", "jpeg_compression@1"], workers=2)


def n_items(writing: Writing) -> int:
    return len({writing.layout.item(condition) for condition in writing.conditions})


def finish(writing: Writing, out: Path) -> int:
    return write_corrupted(writing, out, block_bytes=1).written


def stopping(monkeypatch: pytest.MonkeyPatch, step: int, before: bool) -> Callable[[], int]:
    """Let the given step of a writing raise, before or after it is done; returns a count of the steps seen."""
    n = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            nonlocal n
            n += 1
            is_it = n == step
            if is_it and before:
                raise StoppedError
            result = function(*arguments)
            if is_it:
                raise StoppedError
            return result

        return call

    for owner, name in (
        (Manifest, "save"),
        (OutputFolder, "_publish"),
        (OutputFolder, "_note_checksums"),
        (ArrayFiles, "write"),
        (TreeFiles, "write"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return lambda: n


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_writing_stopped_at_any_step_ends_with_the_files_of_one_that_was_not(
    writing: Writing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    assert finish(writing, tmp_path / "undisturbed") == n_items(writing)
    expected = contents(tmp_path / "undisturbed")
    with monkeypatch.context() as patch:
        steps = stopping(patch, 0, before)
        finish(writing, tmp_path / "counted")
        n_steps = steps()
    for step in range(1, n_steps + 1):
        out = tmp_path / f"stopped-{step}"
        with monkeypatch.context() as patch:
            stopping(patch, step, before)
            with pytest.raises(StoppedError):
                finish(writing, out)
        finish(writing, out)
        assert {**contents(out), "SHA256SUMS": ""} == {**expected, "SHA256SUMS": ""}, step
        assert checksums(out) == checksums(tmp_path / "undisturbed"), step
        assert not (out / ".unfinished").exists()
        shutil.rmtree(out)


def test_no_reader_sees_what_is_not_finished(writing: Writing, tmp_path: Path) -> None:
    class StopAtTheSecond(Silent):
        n = 0

        def advance(self, cells: int, units: int) -> None:
            self.n += 1
            if self.n == 2:
                raise StoppedError

    with pytest.raises(StoppedError):
        write_corrupted(writing, tmp_path / "out", block_bytes=1, progress=StopAtTheSecond())
    visible = {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")}
    assert visible <= {"corrupt.json", "labels.npy", "SHA256SUMS"}


def test_what_is_written_is_neither_read_nor_generated_again(
    writing: Writing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int]] = []
    read, generate = Source.read_clean, Source.generate

    def reading(self: Source, positions: Int64Array) -> Tensor:
        calls.append(("read", len(positions)))
        return read(self, positions)

    def generating(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        calls.append((condition.name, len(clean)))
        if len(clean) == 6 and stop:
            raise KeyboardInterrupt
        return generate(self, condition, clean, ids)

    monkeypatch.setattr(Source, "read_clean", reading)
    monkeypatch.setattr(Source, "generate", generating)
    stop = True
    with pytest.raises(KeyboardInterrupt):
        finish(writing, tmp_path / "out")
    first, calls[:] = calls.copy(), []
    names = [condition.name for condition in writing.conditions]
    assert first == [("read", 8), *((name, 8) for name in names), ("read", 6), (names[0], 6)]
    stop = False
    assert finish(writing, tmp_path / "out") == n_items(writing)
    assert calls == [("read", 6), *((name, 6) for name in names)]
    calls.clear()
    again = write_corrupted(writing, tmp_path / "out", block_bytes=1)
    assert (again.written, again.reused, calls) == (0, n_items(writing), [])


def test_an_item_that_was_removed_is_written_again_and_a_stranger_is_not_overwritten(
    writing: Writing, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    finish(writing, out)
    expected, sums = contents(out), checksums(out)
    item = out / writing.layout.item(writing.conditions[0])
    shutil.rmtree(item) if item.is_dir() else item.unlink()
    assert finish(writing, out) == 1
    assert {**contents(out), "SHA256SUMS": ""} == {**expected, "SHA256SUMS": ""}
    assert checksums(out) == sums
    content = json.loads((out / "corrupt.json").read_text())
    del content["sha256"], content["schema_version"]
    content["written"][writing.conditions[0].name] = 1
    (out / "corrupt.json").write_bytes(sealed(content))
    with pytest.raises(UsageError, match="was not finished by robustsweep corrupt; move it away"):
        finish(writing, out)


def test_a_folder_takes_more_conditions_later(tmp_path: Path) -> None:
    for names in (("fog",), ("snow",), ("fog", "snow", "contrast")):
        summary = written("digits", severities(*names), tmp_path / "out", limit=10)
        assert summary.written == 1
    assert checksums(tmp_path / "out").keys() == {"fog.npy", "snow.npy", "contrast.npy", "labels.npy"}


@pytest.mark.parametrize(
    ("data", "suites", "options", "sentence"),
    [
        ("digits", ["fog"], {"seed": 1, "limit": 10}, "seed 0, now 1"),
        ("digits", ["fog"], {"limit": 11}, "data subset .*10.*, now .*11"),
        ("digits,split=train", ["fog"], {"limit": 10}, "data fingerprint"),
        ("digits", ["imagenet"], {"limit": 10, "final_jpeg": False}, "table cifar, now imagenet"),
        ("digits", ["imagenet"], {"limit": 10}, "jpeg_quality none, now 85"),
    ],
)
def test_a_folder_made_with_something_else_is_refused_and_stays_as_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    suites: list[str],
    options: dict[str, object],
    sentence: str,
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.suites.COMMON", ("fog",))
    named = {"fog": severities("fog"), "imagenet": ["imagenet-c"]}
    written("digits", named["fog"], tmp_path / "out", limit=10)
    before = contents(tmp_path / "out")
    with pytest.raises(UsageError, match=f"was made with .*{sentence}"):
        written(data, named[suites[0]], tmp_path / "out", **options)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["__version__", "PROTOCOL_VERSION"])
def test_a_folder_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    written("digits", severities("fog"), tmp_path / "out", limit=10)
    monkeypatch.setattr(f"robustsweep.benchmark.writing.plan.{name}", 999)
    with pytest.raises(UsageError, match="was made with (robustsweep|protocol) .*, now 999"):
        written("digits", severities("fog"), tmp_path / "out", limit=10)


def test_a_folder_with_foreign_content_or_a_broken_manifest_is_refused(tmp_path: Path) -> None:
    out = write_files(tmp_path / "out", {"thesis.txt": b"years of work"})
    with pytest.raises(UsageError, match="holds thesis.txt and no corrupt.json"):
        written("digits", severities("fog"), out, limit=10)
    assert contents(out).keys() == {"thesis.txt"}
    for broken in (b"", b"[]", b"{}", b"\xff", b'{"made_with": {}, "libraries": {}, "written": {"fog@1": "x"}}'):
        (out / "corrupt.json").write_bytes(broken)
        with pytest.raises(DataError, match=r"corrupt\.json .*remove .* and write it again"):
            written("digits", severities("fog"), out, limit=10)


def test_the_next_writing_removes_the_empty_folders_of_one_that_was_killed_when_it_was_finished(
    writing: Writing, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    finish(writing, out)
    item = writing.layout.item(writing.conditions[0])
    (out / ".unfinished" / item).parent.mkdir(parents=True)
    finish(writing, out)
    assert not (out / ".unfinished").exists()


def test_two_processes_do_not_write_one_folder(tmp_path: Path) -> None:
    with only_writer(tmp_path), pytest.raises(UsageError, match="Another process is writing"):
        written("digits", severities("fog"), tmp_path, limit=10)
    assert written("digits", severities("fog"), tmp_path, limit=10).written == 1


def test_a_full_disk_names_the_file_and_keeps_what_is_finished(
    writing: Writing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, n = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal n
        n += 1
        if n == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left") as raised:
            finish(writing, out)
    assert str(out) in str(raised.value.filename)
    assert not isinstance(raised.value, RobustsweepError)
    assert finish(writing, out) > 0
    assert writing.layout.files(writing.layout.item(writing.conditions[0]))[0] in contents(out)
