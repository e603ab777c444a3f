"""Compacted runs: what they answer, what they do not, and which of file and folders is read."""

import json
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from answered_runs import corrupted, put_ladder, put_sweep
from run_builder import RunBuilder

from robustsweep.errors import DataError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame, read_runs
from robustsweep.results.compare.comparison import compare
from robustsweep.results.gate.wrong_images import read_answers as read_answers_of
from robustsweep.results.metrics.catalogue.window_scores import single_window_score
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.per_image import read_scores
from robustsweep.results.report.document import build_report
from robustsweep.results.stored.cells import Cell, Counts, Examples
from robustsweep.results.stored.compact.packed_hits import packed_hits, unpacked_hits
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.sealed_arrays import sealed_arrays
from robustsweep.results.stored.store import CellStore

CLEAN = {"name": "clean", "kind": "clean"}


def random_labels(n: int) -> np.ndarray:
    return np.random.default_rng(99).integers(0, 3, n)


def put_random(builder: RunBuilder, name: str, condition: dict[str, object], seed: int) -> Cell:
    """Write a cell of random predictions, confidences and scores; the labels are random as well."""
    rng, n = np.random.default_rng(seed), builder.n
    labels = random_labels(n)
    prediction = rng.integers(0, 3, n).astype(np.int32)
    hit = (prediction == labels) | (rng.random(n) < 0.5)
    confidence, nll, brier = (rng.random(n).astype(np.float32) for _ in range(3))
    counts = Counts(n, int((prediction == labels).sum()), int(hit.sum()))
    cell = builder.cell(name, condition, counts)
    means = {
        k: float(v.mean(dtype=np.float64)) for k, v in (("confidence", confidence), ("nll", nll), ("brier", brier))
    }
    builder.store.write(replace(cell, means=means), Examples(prediction, hit, confidence, nll, brier))
    builder.store.write_images(builder.data["images_key"], np.arange(n), labels)
    return cell


def compact(builder: RunBuilder) -> None:
    for identifier in {cell.checkpoint["id"] for cell in builder.store.cells()}:
        compact_checkpoint(builder.store, identifier)


def drop_cells(builder: RunBuilder) -> None:
    shutil.rmtree(builder.root / "cells")


def measured(builder: RunBuilder) -> MeasuredCells:
    (unit,) = split_units(load_frame([builder.root]))
    (identifier,) = unit.checkpoints.index
    return MeasuredCells.of(unit, identifier, [builder.root])


@pytest.fixture
def run(builder: RunBuilder) -> RunBuilder:
    """A checkpoint with 37 images, which fill no whole number of bytes."""
    builder.n = 37
    put_random(builder, "net", CLEAN, 1)
    put_random(builder, "net", corrupted(builder, "fog", 3), 2)
    put_ladder(builder, "net", [-1, 0, 1, 2] * 9 + [2], ["1/255", "8/255"], random_labels(37))
    return builder


def test_a_compacted_checkpoint_gives_the_cells_that_it_was_made_from(run: RunBuilder) -> None:
    before = list(run.store.cells())
    compact(run)
    drop_cells(run)
    store = CellStore(run.root)
    assert list(store.cells()) == before
    assert all(store.has(cell.checkpoint["id"], cell.key) for cell in before)
    assert not store.has(before[0].checkpoint["id"], "0" * 64)


def test_it_answers_image_by_image_as_the_cells_do(run: RunBuilder) -> None:
    cells = measured(run)
    wrong = {cell: cells.wrong(cell) for cell in cells.rows}
    bins = {cell: cells.bins(cell) for cell in cells.rows if not cell[1]}
    top5 = {cell: cells.examples(cell).top5_hit for cell in cells.rows}
    compact(run)
    drop_cells(run)
    again = measured(run)
    assert set(wrong) == {("clean", ""), ("fog@3", ""), ("pgd10-linf", "1/255"), ("pgd10-linf", "8/255")}
    for cell, expected in wrong.items():
        assert (again.wrong(cell) == expected).all()
        row = again.rows[cell]
        kept = CellStore(run.root).summary_of(row["checkpoint_id"], row["key"])
        assert kept is not None
        assert (kept.top5_hit == top5[cell]).all()
    for cell, one in bins.items():
        found = again.bins(cell)
        assert (found.counts == one.counts).all()
        assert (found.right == one.right).all()
        assert (found.confidence == one.confidence).all()


def test_it_keeps_the_means_of_nll_and_brier_with_their_standard_errors(run: RunBuilder) -> None:
    cell = next(cell for cell in run.store.cells() if cell.condition == CLEAN)
    nll = run.store.examples(cell).nll.astype(np.float64)
    compact(run)
    kept = run.store.summary_of(cell.checkpoint["id"], cell.key)
    assert kept is not None
    assert kept.scores["nll"].value == pytest.approx(nll.mean())
    assert kept.scores["nll"].standard_error == pytest.approx(nll.std(ddof=1) / np.sqrt(37))
    assert kept.scores["brier"].value == pytest.approx(cell.means["brier"])


def test_what_needs_each_image_says_so_and_names_the_folder(run: RunBuilder) -> None:
    compact(run)
    assert measured(run).has_examples(("clean", ""))
    assert len(measured(run).examples(("clean", "")).nll) == 37
    drop_cells(run)
    assert not measured(run).has_examples(("clean", ""))
    with pytest.raises(DataError, match="needs the per-image predictions, .*; keep the folder cells"):
        measured(run).examples(("clean", ""))


def test_cells_that_are_compacted_alone_are_neither_missing_nor_lost_by_the_next_compaction(run: RunBuilder) -> None:
    wanted = [
        {"key": c.key, "checkpoint_id": c.checkpoint["id"], "checkpoint": "net", "condition": c.condition["name"]}
        for c in run.store.cells()
    ]
    run.store.write_plan(wanted)
    compact(run)
    drop_cells(run)
    assert run.store.missing() == []
    assert read_runs([run.root]).missing == ()
    added = put_random(run, "net", corrupted(run, "fog", 4), 3)
    assert len(list(run.store.cells())) == 4
    compact(run)
    drop_cells(run)
    keys = {cell.key for cell in run.store.cells()}
    assert keys == {added.key, *(entry["key"] for entry in wanted)}


def test_a_folder_that_is_newer_than_the_file_is_read_and_compacted_again(run: RunBuilder) -> None:
    compact(run)
    (cell,) = (cell for cell in run.store.cells() if cell.condition == CLEAN)
    run.store.write(replace(cell, warnings=("Measured again.",)), run.store.examples(cell))
    (path,) = run.root.glob(f"cells/*/{cell.key[:16]}/cell.json")
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))
    assert [one.warnings for one in run.store.cells() if one.key == cell.key] == [("Measured again.",)]
    assert run.store.summary_of(cell.checkpoint["id"], cell.key) is None
    compact(run)
    drop_cells(run)
    assert [one.warnings for one in run.store.cells() if one.key == cell.key] == [("Measured again.",)]


def test_a_file_that_answers_for_everything_is_not_written_again(run: RunBuilder) -> None:
    compact(run)
    (path,) = run.root.glob("compact/*.npz")
    before = path.stat()
    compact(run)
    after = path.stat()  # reading it may change when it was last read
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_checkpoint_that_is_renamed_has_its_new_name(run: RunBuilder) -> None:
    compact(run)
    drop_cells(run)
    identifier = next(run.store.cells()).checkpoint["id"]
    run.store.write_checkpoint({"id": identifier, "name": "renamed", "card": {"method": "cutmix"}})
    assert {cell.checkpoint["name"] for cell in run.store.cells()} == {"renamed"}


def test_answers_that_contradict_their_counts_are_not_compacted(run: RunBuilder) -> None:
    cell = run.clean("other", 7)  # its predictions are all zero
    with pytest.raises(DataError, match=r"cell\.json says n_right 7, the predictions stored for it give \d+"):
        compact_checkpoint(run.store, cell.checkpoint["id"])
    assert list(run.root.glob("compact/*")) == []


def damaged(path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    del arrays["sha256"]
    change(arrays)
    if any(array.dtype == object for array in arrays.values()):
        np.savez(path, **arrays)
    else:
        path.write_bytes(sealed_arrays(arrays))


def as_earlier(arrays: dict[str, np.ndarray], lacking_bytes: int = 0) -> None:
    """Turn a file's arrays into those of earlier versions, which had the bits of each cell by themselves."""
    sizes = arrays["sizes"][:, 0].tolist()
    bits = unpacked_hits(arrays.pop("hits"), sizes, Path("file"), "")
    arrays.update({name: packed[: len(packed) - lacking_bytes] for name, packed in bits.items()})


def other_hits(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Say of every image that it was wrong and not in the top 5."""
    none = [np.zeros(n, bool) for n in arrays["sizes"][:, 0]]
    return packed_hits(none, none)


def other_version(arrays: dict[str, np.ndarray]) -> None:
    manifest = json.loads(arrays["manifest"].tobytes()) | {"schema_version": 99}
    arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)


@pytest.mark.parametrize("sizes", [[1], [37, 37, 37, 37, 37], [5, 5, 64, 64, 64, 64, 64, 5], [8] * 9])
def test_hits_are_unpacked_as_they_were(sizes: list[int]) -> None:
    rng = np.random.default_rng(len(sizes))
    right, top5_hit = ([rng.random(n) < 0.6 for n in sizes] for _ in range(2))
    found = unpacked_hits(packed_hits(right, top5_hit), sizes, Path("file"), "")
    for name, bits in (("right", right), ("top5_hit", top5_hit)):
        assert found[name].tobytes() == b"".join(np.packbits(one).tobytes() for one in bits)


def test_hits_that_conditions_share_take_little_room() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(size=2000)
    right = [difficulty + 0.3 * rng.normal(size=2000) < threshold for threshold in np.linspace(-1, 1, 40)]
    apart = sum(len(zlib.compress(np.packbits(bits).tobytes())) for bits in right)
    assert len(packed_hits(right, right)) < 0.5 * apart


def test_a_file_of_an_earlier_version_says_the_same_and_is_compacted_again(run: RunBuilder) -> None:
    compact(run)
    drop_cells(run)
    cells = list(run.store.cells())
    identifier = cells[0].checkpoint["id"]
    expected = {cell.key: run.store.summary_of(identifier, cell.key) for cell in cells}
    (path,) = run.root.glob("compact/*.npz")
    content = path.read_bytes()
    damaged(path, as_earlier)
    for content_expected in (None, content):
        store = CellStore(run.root)
        assert list(store.cells()) == cells
        for key, summary in expected.items():
            found = store.summary_of(identifier, key)
            assert (found.right == summary.right).all()
            assert (found.top5_hit == summary.top5_hit).all()
            assert found.scores == summary.scores
        assert content_expected in (None, path.read_bytes())
        compact_checkpoint(store, identifier)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_version, "has schema version 99; this robustsweep reads 2"),
        (lambda arrays: arrays.update(manifest=np.zeros(3, np.uint8)), "cannot be read"),
        (lambda arrays: arrays.update(keys=np.zeros((3, 2), np.uint8)), "is not a compacted checkpoint"),
        (lambda arrays: arrays.update(hits=arrays["hits"].astype(np.int16)), "hits of shape"),
        (lambda arrays: arrays.update(hits=arrays["hits"][:-9]), "hits are of other images"),
        (lambda arrays: arrays.update(hits=np.full(9, 255, np.uint8)), "hits are not an LZMA stream"),
        (lambda arrays: arrays.update(hits=other_hits(arrays)), "its bins hold 37 images, [0-9]+ of them right, and"),
        (lambda arrays: arrays.update(sizes=arrays["sizes"] * [[1 << 24, 0]]), "and unpacks to"),
        (lambda arrays: arrays.pop("hits"), "has no array right"),
        (lambda arrays: as_earlier(arrays, lacking_bytes=1), "right of shape"),
        (lambda arrays: arrays.update(bin_counts=arrays["bin_counts"][:, :3]), "bin_counts of shape"),
        (lambda arrays: arrays.pop("sizes"), "has no array sizes"),
        (lambda arrays: arrays.update(hits=np.array([{}], dtype=object)), "cannot be read"),
    ],
)
def test_a_damaged_file_is_named(
    run: RunBuilder, change: Callable[[dict[str, np.ndarray]], None], message: str
) -> None:
    compact(run)
    drop_cells(run)
    (path,) = run.root.glob("compact/*.npz")
    cells = {cell.key: cell.checkpoint["id"] for cell in run.store.cells()}
    damaged(path, change)
    store = CellStore(run.root)
    with pytest.raises(DataError, match=message):
        print([store.summary_of(identifier, key) for key, identifier in cells.items()], list(store.cells()))


def test_windows_are_judged_without_the_predictions_that_they_change(builder: RunBuilder) -> None:
    builder.n = 6
    builder.answers("net", CLEAN, [1, 1, 1, 0, 0, 0], [1] * 6)
    builder.window("net", "hard", "mean", 0.5, [1, 1, 0, 0, 1, 2], [1] * 6)
    compact(builder)
    (unit,) = split_units(load_frame([builder.root]))
    (identifier,) = unit.checkpoints.index
    right, changed = (single_window_score("window-hard-mean@0.5", quantity) for quantity in ("accuracy", "changed"))
    both = read_scores(MeasuredCells.of(unit, identifier, [builder.root]), [right, changed])
    assert both[changed.name].tolist() == [0, 0, 1, 0, 1, 1]
    drop_cells(builder)
    alone = read_scores(MeasuredCells.of(unit, identifier, [builder.root]), [right, changed])
    assert alone[right.name].tolist() == both[right.name].tolist() == [1, 1, 0, 0, 1, 0]
    assert changed.name not in alone


def test_a_report_of_compacted_cells_says_all_but_what_needs_each_image(builder: RunBuilder) -> None:
    builder.n = 40
    for seed, name in enumerate(("net", "other")):
        put_sweep(builder, name, 0.3 + 0.02 * seed, seed)
        put_ladder(builder, name, [-1, 0, 1, 2] * 10, ["1/255", "8/255"])
        for edge in ("hard", "linear", "gauss"):
            for fraction in (0.25, 0.375, 0.5):
                prediction = np.random.default_rng(seed).integers(0, 2, 40).tolist()
                builder.window(name, edge, "mean", fraction, prediction, [1] * 40)
    expected = {table.slug: table for table in build_report([builder.root]).tables}
    compact(builder)
    assert {table.slug: table for table in build_report([builder.root]).tables} == expected
    drop_cells(builder)
    found = {table.slug: table for table in build_report([builder.root]).tables}
    assert expected.keys() - found.keys() == {"window_changed"}
    assert found["headline"].intervals
    windows = {"window_edges", "window_accuracy"}
    partly = {*windows, "window_changed", "calibration", "clean_and_scores"}
    assert {slug: table for slug, table in found.items() if slug not in partly} == {
        slug: table for slug, table in expected.items() if slug not in partly
    }
    assert found["calibration"].rows == expected["calibration"].rows
    assert not found["calibration"].intervals
    assert found["clean_and_scores"].rows == expected["clean_and_scores"].rows
    assert {place[1] for place in found["clean_and_scores"].intervals} == {1, 2}
    assert any(
        note.startswith(
            "No interval of clean NLL (nats), clean Brier, corruption NLL (nats), corruption Brier: that needs"
        )
        for note in found["clean_and_scores"].notes
    )
    for slug in windows:
        assert any("What changed the predictions of net, other needs the per-image" in n for n in found[slug].notes)
    assert found["window_accuracy"].rows == expected["window_accuracy"].rows
    assert [row[:9] for row in found["window_edges"].rows] == [row[:9] for row in expected["window_edges"].rows]


def test_the_gate_judges_compacted_checkpoints_as_it_does_their_cells(run: RunBuilder) -> None:
    expected = read_answers_of(run.root)
    compact(run)
    drop_cells(run)
    found = read_answers_of(run.root)
    (one,), (other,) = found.checkpoints, expected.checkpoints
    assert one.settings == other.settings
    assert set(one.wrong) == {("clean", ""), ("fog@3", ""), ("pgd10-linf", "1/255"), ("pgd10-linf", "8/255")}
    assert all((one.wrong[cell] == other.wrong[cell]).all() for cell in other.wrong)
    assert found.scores == expected.scores


def test_a_comparison_of_compacted_checkpoints_leaves_calibration_out_and_says_so(builder: RunBuilder) -> None:
    builder.n = 40
    for seed, name in enumerate(("net", "other")):
        put_sweep(builder, name, 0.3 + 0.1 * seed, seed)
    (expected,) = compare([builder.root], "net", "other")
    assert expected.notes == ()
    compact(builder)
    drop_cells(builder)
    (found,) = compare([builder.root], "net", "other")
    kept = [one for one in expected.comparisons if one.score.kind != "calibration"]
    assert len(kept) == len(expected.comparisons) - 6
    assert list(found.comparisons) == kept
    assert found.notes == (
        "ECE, NLL and Brier are left out: comparing them needs the per-image predictions, which compacted runs do not "
        "hold; keep the folder cells.",
    )
