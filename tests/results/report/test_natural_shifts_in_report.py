"""A natural shift in the report: its own score everywhere, and beside it clean images of the same classes."""

import json
from pathlib import Path

import numpy as np
import pytest
from run_builder import RunBuilder

from robustsweep.results.compare.comparison import compare
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.html.page import report_html
from robustsweep.results.report.json_report import report_json
from robustsweep.results.report.latex import latex_files
from robustsweep.results.report.markdown import report_markdown
from robustsweep.results.statistics.intervals import newcombe, wilson
from robustsweep.results.stored.cells import Counts
from robustsweep.results.tables.table import Table

N_SHIFTED, N_CLEAN = 400, 200
SHIFT = {"name": "imagenet-r", "kind": "shift"}


def builder(root: Path, n: int, name: str, key: str, **changes: object) -> RunBuilder:
    return RunBuilder(root, n, 200, name, images_key=key * 64, fingerprint=key * 64, class_set="c1", **changes)


def sets(root: Path, **changes: object) -> tuple[RunBuilder, RunBuilder]:
    return builder(root, N_SHIFTED, "imagenet-r", "a"), builder(root, N_CLEAN, "imagenet", "b", **changes)


def shifted(run: RunBuilder, name: str, n_right: int) -> None:
    labels = np.arange(run.n) % 200
    said = np.where(np.arange(run.n) < n_right, labels, (labels + 1) % 200)
    run.answers(name, SHIFT, said.tolist(), labels.tolist())


def table(report: Report) -> Table:
    (found,) = [one for one in report.tables if one.slug.endswith("natural_shift")]
    return found


def measured(root: Path, pairs: dict[str, tuple[int, int]], **changes: object) -> Report:
    shift, clean = sets(root, **changes)
    for name, (right, clean_right) in pairs.items():
        shifted(shift, name, right)
        clean.clean(name, clean_right)
    return build_report([root])


def test_the_clean_error_on_the_same_classes_stands_beside_it(tmp_path: Path) -> None:
    found = table(measured(tmp_path, {"one": (100, 150), "two": (160, 180)}))
    assert found.rows == (("one", 0.25, 0.75, 0.5, None), ("two", pytest.approx(0.1), 0.6, pytest.approx(0.5), None))
    ends = {place: pytest.approx(ends) for place, ends in found.intervals.items()}
    rise, clean, error = newcombe((300, 400), (50, 200)), wilson(50, 200), wilson(300, 400)
    assert ends[0, 1] == (clean.low, clean.high)
    assert ends[0, 2] == (error.low, error.high)
    assert ends[0, 3] == (rise.low, rise.high)
    assert found.notes[0] == "Clean images: imagenet (200 images), restricted to the same 200 classes."
    assert "No effective robustness: a line needs 3 checkpoints or more" in found.notes[1]


def test_effective_robustness_is_relative_to_the_runs_own_line(tmp_path: Path) -> None:
    pairs = {"a": (100, 140), "b": (130, 150), "c": (160, 160), "d": (240, 170)}
    found = table(measured(tmp_path, pairs))
    x = np.array([np.log(c / (N_CLEAN - c)) for _, c in pairs.values()])
    y = np.array([np.log(s / (N_SHIFTED - s)) for s, _ in pairs.values()])
    slope, intercept = np.polyfit(x, y, 1)
    expected = np.array([s / N_SHIFTED for s, _ in pairs.values()]) - 1 / (1 + np.exp(-(slope * x + intercept)))
    assert [row[-1] for row in found.rows] == pytest.approx(expected.tolist())
    assert f"of the 4 checkpoints of this report (slope {slope:.2f}), and not to the networks" in found.notes[1]
    assert not [place for place in found.intervals if place[1] == 4]
    assert "Effective robustness has none" in found.notes[2]


def test_a_checkpoint_without_clean_images_has_the_shift_alone(tmp_path: Path) -> None:
    shift, clean = sets(tmp_path)
    shifted(shift, "one", 100)
    assert "sweep the same checkpoints on imagenet:DIR,classes=THESE" in table(build_report([tmp_path])).notes[0]
    shifted(shift, "two", 200)
    clean.clean("one", 150)
    assert [row[1] for row in table(build_report([tmp_path])).rows] == [0.25, None]


@pytest.mark.parametrize("changes", [{"class_set": "c2"}, {"split": "train"}, {"class_set": None}])
def test_other_clean_images_do_not_count(tmp_path: Path, changes: dict[str, object]) -> None:
    shift, _ = sets(tmp_path)
    shifted(shift, "one", 100)
    other = RunBuilder(
        tmp_path, N_CLEAN, 200, "imagenet", **({"images_key": "b" * 64, "fingerprint": "b" * 64} | changes)
    )
    other.clean("one", 150)
    assert table(build_report([tmp_path])).rows == (("one", None, 0.75, None, None),)


def test_the_shifts_error_is_a_score_like_any_other(tmp_path: Path) -> None:
    run = builder(tmp_path, N_SHIFTED, "imagenet-r", "a")
    for name, right in (("one", 100), ("two", 300), ("three", 301)):
        run.card(name, name, 0)
        shifted(run, name, right)
    report = build_report([tmp_path])
    (headline,) = [one for one in report.tables if one.slug == "headline"]
    column = [one.name for one in headline.columns].index("imagenet-r_error")
    values = {row[0]: row[column] for row in headline.rows}
    assert values == pytest.approx({"one": 0.75, "two": 0.25, "three": 0.2475})
    assert len(headline.intervals) == 3
    rows = [row[0] for row in headline.rows]
    assert headline.tied == {(rows.index("two"), column)}
    assert not [one for one in headline.columns if one.name == "clean_error"]
    assert any("Lowest error on ImageNet-R: three" in sentence for sentence in report.sections[0].summary)
    (compared,) = compare([tmp_path], "one", "two")
    (error,) = [one for one in compared.comparisons if one.score.name == "imagenet-r_error"]
    assert error.difference.estimate.value == pytest.approx(0.5)
    assert error.is_significant


def test_every_format_shows_it(tmp_path: Path) -> None:
    report = measured(tmp_path, {"one": (100, 150), "two": (160, 180), "three": (180, 150)})
    title = "ImageNet-R beside clean images of the same classes"
    for text in (report_markdown(report), report_html(report), "".join(latex_files(report).values())):
        assert title in text
    units = json.loads(report_json(report))["units"]
    assert any(one["title"] == title for unit in units for one in unit["tables"])


def test_a_cell_that_is_no_shift_is_refused(tmp_path: Path) -> None:
    run = builder(tmp_path, N_SHIFTED, "imagenet-q", "a")
    run.write("one", {"name": "imagenet-q", "kind": "shift"}, Counts(run.n, 1, 1))
    with pytest.raises(Exception, match="it is not a natural shift"):
        build_report([tmp_path])
