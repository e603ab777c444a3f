import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from run_builder import RunBuilder, resealed

from robustsweep.errors import DataError, UsageError
from robustsweep.results.comparable.frame import load_frame, read_runs
from robustsweep.results.comparable.rows import DTYPES
from robustsweep.results.stored.cells import Counts


def only(frame: pd.DataFrame) -> pd.Series:
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_clean_cell_is_one_row_with_its_exact_counts(builder: RunBuilder) -> None:
    builder.card("net-a", "cutmix", seed=3, method_parameters={"alpha": 1.0})
    builder.clean("net-a", 930, warnings=("Accuracy at chance.",))
    row = only(load_frame([builder.root]))
    assert (row["n"], row["n_right"], row["n_top5_right"]) == (1000, 930, 940)
    assert row["error"] == pytest.approx(0.07, abs=1e-15)
    assert row["top5_error"] == pytest.approx(0.06, abs=1e-15)
    assert (row["checkpoint"], row["method"], row["seed"], row["architecture"]) == ("net-a", "cutmix", 3, "resnet20")
    assert row["method_parameters"] == '{"alpha":1.0}'
    assert (row["confidence"], row["nll"], row["brier"]) == (0.5, 1.25, 0.75)
    assert row["warnings"] == ("Accuracy at chance.",)
    assert pd.isna(row["subset"])
    assert pd.isna(row["eps"])
    assert pd.isna(row["severity"])


def test_a_corruption_row_knows_its_group_severity_and_table(builder: RunBuilder) -> None:
    builder.corruption("net", "fog", 3, 600)
    row = only(load_frame([builder.root]))
    assert (row["corruption"], row["severity"], row["table"], row["group"]) == ("fog", 3, "cifar", "weather")
    assert not row["extra"]


def test_extra_and_foreign_corruptions_are_marked_extra(builder: RunBuilder) -> None:
    builder.corruption("net", "speckle_noise", 1, 600)
    builder.corruption("net", "coffee_stain", 1, 600)
    frame = load_frame([builder.root]).set_index("corruption")
    assert frame["extra"].all()
    assert frame.loc["speckle_noise", "group"] == "noise"
    assert frame.loc["coffee_stain", "group"] == "other"


def test_a_ladder_is_one_row_per_eps(builder: RunBuilder) -> None:
    builder.ladder("net", 900, (800, 500, 100))
    frame = load_frame([builder.root])
    assert frame["eps"].tolist() == ["1/255", "2/255", "4/255"]
    assert frame["eps_value"].tolist() == [1 / 255, 2 / 255, 4 / 255]
    assert frame["n_right"].tolist() == [800, 500, 100]
    assert frame["n_clean_right"].tolist() == [900] * 3
    assert frame["key"].nunique() == 1
    assert frame[["n_top5_right", "nll", "brier", "confidence", "top5_error"]].isna().all(axis=None)


def test_a_ladder_whose_counts_do_not_fit_its_eps_is_refused(builder: RunBuilder) -> None:
    builder.ladder("net", 900, (800, 500))
    path = next(builder.root.glob("cells/*/*/cell.json"))
    resealed(path, lambda content: content["condition"]["eps"].append("4/255"))
    with pytest.raises(DataError, match=r"cell\.json is not a cell \(an attack of 3 eps with 2 counts\)"):
        load_frame([builder.root])


def test_a_subset_is_written_out_and_an_unnamed_method_is_unspecified(make_builder: Callable[..., RunBuilder]) -> None:
    builder = make_builder(subset={"limit": 500, "of": 10000, "seed": 0})
    builder.clean("net", 400)
    row = only(load_frame([builder.root]))
    assert row["subset"] == "500 of 10000"
    assert row["method"] == "unspecified"
    assert pd.isna(row["seed"])


def test_the_same_cell_in_two_runs_counts_once(make_builder: Callable[..., RunBuilder]) -> None:
    first, second = make_builder("one"), make_builder("two")
    first.clean("net", 900)
    second.clean("net", 900)
    second.corruption("net", "fog", 1, 800)
    frame = load_frame([first.root, second.root])
    assert frame["condition"].tolist() == ["clean", "fog@1"]
    assert frame["warnings"].tolist() == [(), ()]


def test_runs_that_disagree_about_a_cell_are_reported(make_builder: Callable[..., RunBuilder]) -> None:
    first, second = make_builder("one"), make_builder("two")
    first.clean("net", 900)
    second.clean("net", 899)
    row = only(load_frame([first.root, second.root]))
    assert row["n_right"] == 900
    assert "900 and 899 of 1000 right" in row["warnings"][0]


def test_missing_cells_are_those_that_no_run_holds(make_builder: Callable[..., RunBuilder]) -> None:
    first, second = make_builder("one"), make_builder("two")
    done, absent = (
        second.clean("net", 900),
        first.cell("net", {"name": "fog@1", "kind": "corruption"}, Counts(1000, 1, 1)),
    )
    entries = [
        {"key": c.key, "checkpoint_id": c.checkpoint["id"], "checkpoint": "net", "condition": c.condition["name"]}
        for c in (done, absent)
    ]
    first.store.write_plan(entries)
    runs = [first.root, second.root]
    first.root.mkdir(exist_ok=True)
    assert [entry["condition"] for entry in read_runs(runs).missing] == ["fog@1"]


def test_an_empty_run_gives_an_empty_frame_with_every_column(tmp_path: Path) -> None:
    frame = load_frame([tmp_path])
    assert frame.empty
    assert list(frame.columns) == list(DTYPES)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        load_frame([tmp_path / "nowhere"])


def test_results_never_import_torch() -> None:
    program = (
        "import sys, pkgutil, importlib, robustsweep.results as r\n"
        "for m in pkgutil.walk_packages(r.__path__, 'robustsweep.results.'): importlib.import_module(m.name)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_run_folders_may_be_texts_or_paths_and_one_need_be_no_list(builder: RunBuilder) -> None:
    builder.clean("net", 900)
    frames = [load_frame(runs) for runs in ([builder.root], [str(builder.root)], str(builder.root), builder.root)]
    assert all(frame.equals(frames[0]) and len(frame) == 1 for frame in frames)


@pytest.mark.parametrize("runs", [None, 3, [None], [3], [["run"]]])
def test_what_is_no_run_folder_is_named(runs: object) -> None:
    with pytest.raises(UsageError, match="Run folders must be paths or strings, got (None|int|list)"):
        load_frame(runs)
