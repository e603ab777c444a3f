import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from answered_runs import corrupted, put, put_sweep
from rederive import main
from run_builder import RunBuilder

from robustsweep import compare, report
from robustsweep.results.corruption_names import C_BAR_SETS, SEVERITIES
from robustsweep.results.stored.compact.packed_hits import unpacked_hits
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.sealed_arrays import sealed_arrays

SEEDS = {"baseline": 2, "cutmix": 4, "smoothmix_s": 3, "smoothmix_c": 1}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compact results of methods with one to four seeds, with report and comparison."""
    builder = RunBuilder(tmp_path_factory.mktemp("study") / "small", n=60)
    for place, (method, seeds) in enumerate(SEEDS.items()):
        for seed in range(seeds):
            name = f"{method}-seed{seed}"
            builder.card(name, method, seed)
            put_sweep(builder, name, 0.4 + 0.03 * place + 0.02 * seed, 10 * place + seed)
            rng = np.random.default_rng(100 + 10 * place + seed)
            for corruption in C_BAR_SETS["CIFAR"]:
                for severity in SEVERITIES:
                    put(builder, name, corrupted(builder, corruption, severity), rng.random(60) < 0.3 + 0.02 * place)
    for identifier in {cell.checkpoint["id"] for cell in builder.store.cells()}:
        compact_checkpoint(builder.store, identifier)
    shutil.rmtree(builder.root / "cells")
    report(builder.root, builder.root / "report", formats="csv")
    found = compare(
        builder.root,
        "cutmix",
        ["smoothmix_s", "smoothmix_c", "baseline"],
        metrics="mean_corruption_error,mean_corruption_error_cifar_c_bar",
    )
    found.write(builder.root / "compare")
    return builder.root


@pytest.fixture
def copied(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "argv", ["rederive.py", str(tmp_path / "small")])
    return Path(shutil.copytree(results, tmp_path / "small"))


def change(path: Path, column: str, line: int) -> None:
    """Add 1e-8 to a number of a CSV file."""
    rows = [text.split(",") for text in path.read_text().splitlines()]
    place = rows[0].index(column)
    rows[line][place] = repr(float(rows[line][place]) + 1e-8)
    path.write_text("\n".join(map(",".join, rows)) + "\n")


def test_methods_and_comparisons_are_derived_again(copied, capsys):
    assert main() == 0
    said = capsys.readouterr().out
    assert "10 checkpoints" in said
    assert "cutmix against" in said
    n_numbers = int(said.split(" numbers derived again")[0].split()[-1])
    # Mean and two ends of 3 scores of 4 methods and 10 checkpoints; 28 scores of 3 opponents with 6 numbers or, with 2
    # seeds or without a test, 5 each; and 4 p values after Holm.
    assert n_numbers == 3 * 3 * 14 + 28 * (6 + 6 + 5) + 4


def test_files_of_an_earlier_version_are_read_as_well(copied):
    for path in copied.glob("compact/*.npz"):
        with np.load(path) as file:
            arrays = dict(file)
        del arrays["sha256"]
        arrays |= unpacked_hits(arrays.pop("hits"), arrays["sizes"][:, 0].tolist(), path, "")
        path.write_bytes(sealed_arrays(arrays))
    assert main() == 0


def test_a_number_of_the_report_that_cannot_be_derived_is_named(copied, capsys):
    (path,) = copied.glob("report/tables/*method_headline.csv")
    change(path, "mean_corruption_error", 2)
    assert main() == 1
    assert f"{path.name}: cutmix, mean_corruption_error " in capsys.readouterr().err


def test_an_interval_of_a_comparison_that_cannot_be_derived_is_named(copied, capsys):
    path = next(copied.glob("compare/*_compare_errors.csv"))
    change(path, "low", 1)
    assert main() == 1
    assert "smoothmix_s, mean of 15 corruptions (C), low" in capsys.readouterr().err


def test_results_without_a_report_are_refused(copied, capsys):
    shutil.rmtree(copied / "report")
    assert main() == 1
    assert "make study writes them" in capsys.readouterr().err
