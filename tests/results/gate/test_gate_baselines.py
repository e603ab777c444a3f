"""Baselines of the gate: files, and what is missing, damaged or foreign."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answered_runs import corrupted, put
from gated_runs import CLEAN, Make, first, gate, one_cell, pair_of_sweeps

from robustsweep.errors import (
    DataError,
    NothingToCompareError,
)
from robustsweep.results.gate.baseline import read_baseline, write_baseline
from robustsweep.results.gate.outcome import run_gate, verdict_table
from robustsweep.results.gate.wrong_images import read_answers
from robustsweep.results.stored.sealed_arrays import sealed_arrays
from robustsweep.results.tables.formats import to_csv


def test_a_file_says_what_the_folder_says(make_builder: Make, tmp_path: Path) -> None:
    base, new = pair_of_sweeps(make_builder, n=403)  # no whole number of bytes
    path = tmp_path / "baseline.npz"
    write_baseline(path, read_answers(base.root))
    assert path.stat().st_size < 30_000
    by_file, by_folder = run_gate(new.root, path), run_gate(new.root, base.root)
    assert to_csv(verdict_table(by_file)) == to_csv(verdict_table(by_folder))
    with np.load(path, allow_pickle=False) as arrays:
        assert set(arrays) == {"manifest", "sha256", "wrong"}


def rewritten(path: Path, **changes: Any) -> Path:
    """Change a baseline file's manifest, or its bits."""
    with np.load(path, allow_pickle=False) as arrays:
        manifest, wrong = json.loads(arrays["manifest"].tobytes()), arrays["wrong"]
    if "wrong" in changes:
        wrong = changes.pop("wrong")(wrong)
    text = json.dumps(manifest | changes).encode()
    path.write_bytes(sealed_arrays({"manifest": np.frombuffer(text, np.uint8), "wrong": wrong}))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"wrong": lambda bits: bits ^ 1},
        {"wrong": lambda bits: bits[:, :-1]},
        {"wrong": lambda bits: np.concatenate([bits, bits])},
        {"wrong": lambda bits: bits.astype(float)},
        {"n": 0},
        {"n": 10**9},
        {"checkpoints": []},
        {"checkpoints": [{"name": "x"}]},
        {"settings": []},
        {"robustsweep_baseline": 99},
    ],
)
def test_a_damaged_baseline_gives_no_verdict(make_builder: Make, tmp_path: Path, changes: dict[str, object]) -> None:
    base = one_cell(make_builder, "base", first(10, 80))
    path = tmp_path / "baseline.npz"
    write_baseline(path, read_answers(base.root))
    with pytest.raises(DataError, match="is not a baseline|schema version"):
        read_baseline(rewritten(path, **changes))


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all"])
def test_a_file_of_something_else_is_no_baseline(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"b\.npz cannot be read .* write it again with --write-baseline"):
        read_baseline(tmp_path / "b.npz")


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_pickles_in_a_baseline_are_never_run(tmp_path: Path) -> None:
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(tmp_path / "b.npz", manifest=trap, wrong=np.zeros((1, 1), np.uint8))
    with pytest.raises(DataError, match=r"b\.npz cannot be read .* write it again with --write-baseline"):
        read_baseline(tmp_path / "b.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_missing_baseline_says_how_to_write_one(make_builder: Make, tmp_path: Path) -> None:
    base = one_cell(make_builder, "base", first(10, 80))
    with pytest.raises(NothingToCompareError, match="--write-baseline"):
        run_gate(base.root, tmp_path / "nowhere.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToCompareError, match="no finished cell"):
        run_gate(base.root, tmp_path / "empty")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fingerprint": "e" * 64}, "fingerprint"),
        ({"provenance": "official"}, "provenance"),
        ({"images_key": "b" * 64, "subset": {"limit": 80, "of": 10000, "seed": 0}}, "images_key"),
        ({"preprocessing": "resize 256"}, "preprocessing"),
    ],
)
def test_a_foreign_baseline_is_refused_with_the_reason(
    make_builder: Make, changes: dict[str, object], named: str
) -> None:
    base, new = one_cell(make_builder, "base", first(10, 80)), one_cell(make_builder, "new", first(10, 80), **changes)
    with pytest.raises(NothingToCompareError, match=f"baseline is foreign.*{named}") as caught:
        gate(base, new)
    assert caught.value.exit_code == 4


def test_another_protocol_is_foreign(make_builder: Make) -> None:
    base = one_cell(make_builder, "base", first(10, 80))
    new = make_builder("new", n=80)
    put(new, "net", CLEAN, first(10, 80), identity={"protocol": 2})
    with pytest.raises(NothingToCompareError, match="measured otherwise: protocol \\(1 in the baseline, 2 here\\)"):
        gate(base, new)


def test_cells_that_only_the_baseline_has_are_not_silently_passed(make_builder: Make) -> None:
    base, new = one_cell(make_builder, "base", first(10, 80)), one_cell(make_builder, "new", first(10, 80))
    put(base, "net", corrupted(base, "fog", 3), first(20, 80))
    with pytest.raises(NothingToCompareError, match="lacks 1 cell\\(s\\) that its baseline has: fog@3"):
        gate(base, new)
    assert any("not judged: fog@3" in note for note in gate(new, base).notes)


def test_nothing_shared_is_foreign(make_builder: Make) -> None:
    base, new = one_cell(make_builder, "base", first(10, 80)), make_builder("new", n=80)
    put(new, "net", corrupted(new, "fog", 3), first(20, 80))
    with pytest.raises(NothingToCompareError, match="share no condition"):
        gate(base, new)
