"""What is offered of results: frames, tables, scores, figures, reports, comparisons, and HTML."""

import numpy as np
import pytest
from live_networks import SmallNet, digits
from matplotlib.axes import Axes

from robustsweep import Results, compare, evaluate, gate, report, sweep, train
from robustsweep.api.table_frames import table_frame, tables_html
from robustsweep.errors import CheckpointError, NothingToCompareError, UsageError
from robustsweep.results.corruption_names import CORRUPTIONS
from robustsweep.results.report.document import build_report
from robustsweep.results.tables.table import Column, Table


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    networks = {"plain": SmallNet(0), "mixed": SmallNet(1)}
    folder = tmp_path_factory.mktemp("run")
    suites = ["clean", "cifar-c", "pgd2-linf@1/255,8/255"]
    methods = {"plain": "baseline", "mixed": "cutmix"}
    return evaluate(networks, digits(20), suites, method=methods, out=folder)


def test_the_frame_has_a_row_for_each_condition_and_eps(results):
    assert len(results.frame) == 2 * (1 + 75 + 2)
    assert set(results.frame["method"]) == {"baseline", "cutmix"}


def test_a_table_is_that_of_the_report(results):
    wanted = {table.slug: table for table in build_report(results.runs).tables}
    assert results.tables == {slug: table.title for slug, table in wanted.items()}
    for slug, table in wanted.items():
        frame = results.table(slug)
        assert len(frame) == len(table.rows)
        assert frame.attrs["title"] == table.title
        for column in table.columns:
            assert column.name in frame.columns
    headline = results.table("headline")
    assert any(name.endswith("_low") for name in headline.columns)
    with pytest.raises(UsageError, match="Unknown table 'headlin'; did you mean 'headline'"):
        results.table("headlin")


def test_scores_are_means_of_the_frame(results):
    scores, frame = results.scores, results.frame
    assert not scores.duplicated(["images", "subject", "name", "score"]).any()
    for checkpoint in ("plain", "mixed"):
        mine = scores[(scores["name"] == checkpoint) & (scores["subject"] == "checkpoint")].set_index("score")
        cells = frame[frame["checkpoint"] == checkpoint]
        errors = cells[cells["kind"] == "corruption"].groupby("corruption")["error"].mean()
        assert mine.loc["mean_corruption_error", "value"] == pytest.approx(errors[list(CORRUPTIONS)].mean())
        assert mine.loc["fog_error", "value"] == pytest.approx(errors["fog"])
        for eps in ("1/255", "8/255"):
            attacked = cells[(cells["kind"] == "attack") & (cells["eps"] == eps)]["error"].item()
            found = mine.loc[f"pgd2-linf@{eps}_error"]
            assert found["value"] == pytest.approx(attacked)
        bounded = mine.dropna()
        assert len(bounded) > 10
        assert (bounded["low"] <= bounded["value"] + 1e-12).all()
        assert (bounded["value"] <= bounded["high"] + 1e-12).all()


def test_figures_are_axes_by_name(results):
    axes = results.plot("error_per_corruption")
    assert isinstance(axes, Axes)
    assert axes.figure.axes[0] is axes
    with pytest.raises(UsageError, match="did you mean 'heat_map'"):
        results.plot("heatmap")


def test_a_report_is_written_where_it_is_asked_for(results, tmp_path):
    written = results.report(tmp_path / "report", formats="html, csv")
    assert (tmp_path / "report/report.html") in written.files
    assert all(file.is_file() for file in written.files)
    assert report(results.runs, tmp_path / "again", formats=["md"]).files
    with pytest.raises(UsageError, match="Unknown format 'htm'"):
        results.report(tmp_path, formats="htm")


def test_a_temporary_run_asks_where_its_report_goes(tmp_path):
    temporary = evaluate(SmallNet(), digits(12), "clean")
    with pytest.raises(UsageError, match="temporary folder; name the folder of its report"):
        temporary.report()
    assert temporary.report(tmp_path, formats="md").files


def test_a_figure_that_was_not_drawn_is_named():
    with pytest.raises(UsageError, match="Unknown figure 'heat_map'. Known: reliability"):
        evaluate(SmallNet(), digits(12), "clean").plot("heat_map")
    with pytest.raises(UsageError, match="figures need several conditions"):
        evaluate(SmallNet(), digits(12), "window-hard-noise@0.25").plot("heat_map")


def test_a_comparison_has_differences_of_the_scores(results, tmp_path):
    found = results.compare("cutmix", "baseline")
    frame = found.frame.set_index("score")
    scores = results.scores.set_index(["name", "score"])["value"]
    wanted = scores["mixed", "clean_error"] - scores["plain", "clean_error"]
    assert frame.loc["clean", "difference"] == pytest.approx(wanted)
    files = found.write(tmp_path)
    assert files[0].read_text().startswith("# cutmix against baseline")
    assert len(files) == len(found.tables) + 1
    assert [path.name for path in found.write(str(tmp_path), "html, json")] == ["compare.html", "compare.json"]
    with pytest.raises(UsageError, match="Unknown format 'doc'"):
        found.write(tmp_path, ["doc"])
    assert "<table" in found._repr_html_()
    with pytest.raises(UsageError, match="did you mean 'cutmix'"):
        results.compare("cutmi")
    with pytest.raises(UsageError, match="Say what is compared"):
        compare(results.runs)


def test_a_notebook_shows_the_summary_with_every_name_escaped():
    results = evaluate({"<b>&": SmallNet(0), "other": SmallNet(1)}, digits(12), ["clean", "fog"])
    html = results._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
    assert "<table" in html


def test_what_a_sweep_warns_of_is_among_the_notes():
    results = evaluate(SmallNet(), digits(40), "clean")
    assert any("SmallNet: clean accuracy" in note and "chance level" in note for note in results.notes)
    assert "chance level" in results._repr_html_()
    skipped = evaluate(SmallNet(classes=2), (np.zeros((4, 16, 16, 3)), [0, 1, 0, 1]), ["clean", "fog"])
    assert any("fog" in note and "at least 32 pixels" in note for note in skipped.notes)


def test_raw_values_keep_their_kinds_and_missing_stays_missing():
    columns = (Column("name", "name"), Column("n", "n", "count"), Column("error", "error (%)", "percent"))
    table = Table("t", "<t>", None, columns, (("a", 3, 0.25), ("b", None, None)), intervals={(0, 2): (0.1, 0.4)})
    frame = table_frame(table)
    assert list(frame.columns) == ["name", "n", "error", "error_low", "error_high"]
    assert frame["n"].dtype == "Int64"
    assert frame.loc[0, "error_low"] == 0.1
    assert np.isnan(frame.loc[1, "error"])
    assert frame["n"].isna().tolist() == [False, True]
    assert "&lt;t&gt;" in tables_html([table])
    assert list(table_frame(Table("e", "e", None, columns, ())).columns) == ["name", "n", "error"]


def test_a_plan_trains_sweeps_and_is_judged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = {
        "data": "digits",
        "suites": ["clean", "fog@3"],
        "limit": 20,
        "out": "run",
        "device": "cpu",
        "train": {"methods": ["baseline", "cutmix"], "epochs": 1, "limit": 64, "device": "cpu"},
    }
    with pytest.raises(CheckpointError, match=r"are trained yet.*run robustsweep.train with the same plan first"):
        sweep(plan)
    paths = train(plan)
    assert [path.is_file() for path in paths] == [True, True]
    results = sweep(plan)
    assert len(results.frame) == 4
    (tmp_path / "plan.toml").write_text(
        'data = "digits"\nsuites = ["clean", "fog@3"]\nlimit = 20\nout = "run"\ndevice = "cpu"\n'
        '[train]\nmethods = ["baseline", "cutmix"]\nepochs = 1\nlimit = 64\ndevice = "cpu"\n'
        '[compare]\nmethods = ["cutmix", "baseline"]\n'
    )
    assert sweep("plan.toml").frame.equals(results.frame)
    assert train("plan.toml") == paths
    assert len(compare("plan.toml").frame) > 0
    outcome = gate("run", "run", margins={"clean_error": 2})
    assert outcome.count("FAIL") == 0
    with pytest.raises(NothingToCompareError):
        gate("run", "nowhere")


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"suite": ["clean"]}, "Unknown key of the plan 'suite'; did you mean 'suites'"),
        ({"suites": "clean"}, "The plan: suites must be a list of"),
        ("gone.toml", "gone.toml"),
        (3, "A plan must be a TOML file or a dict, got int"),
        ({}, "Name at least one checkpoint"),
    ],
)
def test_plans_that_cannot_be_understood_are_refused(plan, sentence):
    with pytest.raises(UsageError, match=sentence):
        sweep(plan)


def test_a_plan_without_a_table_trains_nothing():
    with pytest.raises(UsageError, match=r"has no \[train\] table"):
        train({})
    with pytest.raises(UsageError, match="did you mean 'methods'"):
        train({"train": {"method": ["cutmix"]}})
