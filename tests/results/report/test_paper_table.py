"""The paper's table, derived again from a run's own predictions with NumPy, SciPy and statsmodels."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from answered_runs import put, put_ladder, put_sweep
from run_builder import RunBuilder
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from robustsweep.cli import main
from robustsweep.errors import UsageError
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.latex import escape_latex
from robustsweep.results.report.paper.caption import caption
from robustsweep.results.report.paper.cells import PaperColumn, PaperTable
from robustsweep.results.report.paper.paper_latex import paper_latex
from robustsweep.results.report.paper.paper_table import MOST_METHODS, paper_tables
from robustsweep.results.report.paper.request import paper_request
from robustsweep.results.report.writer import write_report

N = 150
SEEDS = {"baseline": 5, "cutmix": 5, "mixup": 2, "smoothmix_c": 3, "smoothmix_s": 1}
ERRORS = {"baseline": 0.46, "cutmix": 0.36, "mixup": 0.355, "smoothmix_c": 0.28, "smoothmix_s": 0.3}
NAMES = {"cutmix": "CutMix", "mixup": "Mixup", "smoothmix_c": "SmoothMix-C", "smoothmix_s": "SmoothMix-S"}
GROUP = {"noise": CORRUPTIONS[:3], "blur": CORRUPTIONS[3:7], "weather": CORRUPTIONS[7:11], "digital": CORRUPTIONS[11:]}
COLUMNS = ("mean_corruption_error", "clean_error", "noise_error", "fog_error", "pgd10-linf@2/255_error")
Scores = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Scores]]:
    """Write a run; return each score of each image, shape (seeds, n), by score and method."""
    builder = RunBuilder(tmp_path_factory.mktemp("paper") / "run", n=N)
    scores: dict[str, dict[str, list[np.ndarray]]] = {}
    for place, (method, n_seeds) in enumerate(SEEDS.items()):
        for seed in range(n_seeds):
            name = f"{method}-{seed}"
            builder.card(name, method, seed, recipe_hash="c" * 64)
            error = ERRORS[method] + 0.01 * np.sin(7 * seed + place)
            wrong = put_sweep(builder, name, error, seed=100 * place + seed)
            rung = np.random.default_rng(seed + 50 * place).integers(-1, 3, N)
            put_ladder(builder, name, rung, ("1/255", "2/255"))
            of = {c: np.mean([wrong[f"{c}@{s}"] for s in SEVERITIES], axis=0) for c in CORRUPTIONS}
            found = {"clean_error": wrong["clean"].astype(float), "pgd10-linf@2/255_error": (rung < 2).astype(float)}
            found |= {f"{c}_error": values for c, values in of.items()}
            found |= {f"{group}_error": np.mean([of[c] for c in names], axis=0) for group, names in GROUP.items()}
            found["mean_corruption_error"] = np.mean(list(of.values()), axis=0)
            for score, values in found.items():
                scores.setdefault(score, {}).setdefault(method, []).append(values)
    return builder.root, {s: {m: np.array(v) for m, v in same.items()} for s, same in scores.items()}


@pytest.fixture(scope="module")
def report(run: tuple[Path, dict[str, Scores]]) -> Report:
    return build_report([run[0]])


def estimate(parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Add variances; return the standard error with Satterthwaite's degrees of freedom."""
    variance = sum(v for v, _ in parts)
    return float(np.sqrt(variance)), variance**2 / sum(v**2 / d for v, d in parts)


def p_of(a: np.ndarray, b: np.ndarray) -> float:
    parts = [((a.mean(0) - b.mean(0)).var(ddof=1) / N, N - 1)]
    parts += [(x.mean(1).var(ddof=1) / len(x), len(x) - 1) for x in (a, b)] if min(len(a), len(b)) > 1 else []
    error, degrees = estimate(parts)
    return float(2 * stats.t.sf(abs(a.mean() - b.mean()) / error, degrees))


def interval_of(name: str, values: np.ndarray) -> tuple[float, float]:
    if len(values) == 1 and name in ("clean_error", "pgd10-linf@2/255_error"):
        return proportion_confint(int(values.sum()), N, method="wilson")
    parts = [(values.mean(0).var(ddof=1) / N, N - 1)]
    parts += [(values.mean(1).var(ddof=1) / len(values), len(values) - 1)] if len(values) > 1 else []
    error, degrees = estimate(parts)
    low, high = stats.t.interval(0.95, degrees, loc=values.mean(), scale=error)
    return max(0.0, low), min(1.0, high)


def expected_marks(scores: dict[str, Scores], against: str) -> set[tuple[str, str]]:
    """Score and method of each difference that is significant after Holm over the whole table."""
    pairs = [(s, m) for s in COLUMNS for m in SEEDS if m != against]
    # Two seeds are not tested; one speaks of a checkpoint, which counts in the family and bears no mark.
    tested = [(s, m) for s, m in pairs if min(SEEDS[m], SEEDS[against]) != 2]
    rejected = multipletests([p_of(scores[s][m], scores[s][against]) for s, m in tested], 0.05, method="holm")[0]
    found = {pair for pair, is_rejected in zip(tested, rejected, strict=True) if is_rejected}
    return {(s, m) for s, m in found if min(SEEDS[m], SEEDS[against]) >= 3}


def expected_ties(values: Scores) -> set[str]:
    best = min(values, key=lambda method: values[method].mean())
    others = [method for method in values if method != best]
    is_tested = [min(SEEDS[best], SEEDS[method]) >= 3 for method in others]
    p = [p_of(values[best], values[m]) if t else 1.0 for m, t in zip(others, is_tested, strict=True)]
    kept = multipletests(p, 0.05, method="holm")[0]
    return {method for method, differs in zip(others, kept, strict=True) if not differs}


def rows_of(text: str) -> list[list[str]]:
    """Read the bodies of a float's tabulars: cells as plain text, lines below their methods' ones."""
    rows = []
    for body in re.findall(r"\\midrule\n(.*?)\\bottomrule", text, flags=re.DOTALL):
        for line in body.replace(r"\addlinespace[2pt]", "").split(r" \\"):
            cells = [plain(cell) for cell in re.sub(r"\\multicolumn\{2\}\{c\}", "&", line).split("&")]
            rows += [cells] if any(cells) else []
    return rows


def plain(text: str) -> str:
    text = re.sub(r"\\phantom\{\$\^\{\\approx\}\$\}", "", text)
    for markup, sign in ((r"$\pm$", "±"), (r"$^{\approx}$", "≈"), (r"$^{\dagger}$", "†"), ("$-$", "-"), ("$+$", "+")):
        text = text.replace(markup, sign)
    return re.sub(r"\\textbf|\\scriptsize|\\,|[{}]", "", text).strip()


def signed(value: float, digits: int = 1) -> str:
    shown = f"{100 * value:+.{digits}f}"
    return shown if float(shown) else shown[1:]


def paper(report: Report, **asked: object) -> PaperTable:
    (table,) = paper_tables(report, paper_request(**({"columns": COLUMNS} | asked)))
    return table


def test_means_deviations_differences_and_marks_are_those_of_an_independent_derivation(run, report) -> None:
    scores = run[1]
    text = paper_latex(paper(report))
    rows, marks = rows_of(text), expected_marks(scores, "cutmix")
    assert 0 < len(marks) < 15
    place = 0
    for method, n_seeds in SEEDS.items():
        line, place = rows[place], place + 1
        assert line[:2] == [NAMES.get(method, method), str(n_seeds)]
        below = ["", "", *[""] * 2 * len(COLUMNS)]
        if method != "cutmix":
            below, place = rows[place], place + 1
        for c, name in enumerate(COLUMNS):
            values = scores[name][method]
            assert line[2 + 2 * c] == f"{100 * values.mean():.1f}"
            tie = "≈" if method in expected_ties(scores[name]) else ""
            spread = f"±{100 * values.mean(1).std(ddof=1):.1f}" if n_seeds > 1 else ""
            assert line[3 + 2 * c] == tie + spread
            difference = values.mean() - scores[name]["cutmix"].mean()
            dagger = "†" if (name, method) in marks else ""
            assert "".join(below[2 + 2 * c : 4 + 2 * c]) == ("" if method == "cutmix" else signed(difference) + dagger)
    assert place == len(rows)
    best = {min(scores[name], key=lambda m: scores[name][m].mean()) for name in COLUMNS}
    for method in best:
        shown = re.search(rf"^{{{NAMES.get(method, method)}}} & .*$", text, flags=re.MULTILINE)
        assert shown is not None
        wins = [
            c for c, name in enumerate(COLUMNS) if method == min(scores[name], key=lambda m: scores[name][m].mean())
        ]
        bold = [c for c, cell in enumerate(shown[0].split(" & ")[2::2]) if r"\textbf" in cell]
        assert bold == wins


def test_intervals_stand_below_and_differences_beside(run, report) -> None:
    scores = run[1]
    rows = rows_of(paper_latex(paper(report, spread="interval", digits=2)))
    assert len(rows) == 2 * len(SEEDS)
    for place, method in enumerate(SEEDS):
        line, below = rows[2 * place : 2 * place + 2]
        for c, name in enumerate(COLUMNS):
            low, high = interval_of(name, scores[name][method])
            assert "".join(below[2 + 2 * c : 4 + 2 * c]) == f"[{100 * low:.2f}, {100 * high:.2f}]"
            difference = signed(scores[name][method].mean() - scores[name]["cutmix"].mean(), 2)
            assert line[3 + 2 * c].strip("≈†") == ("" if method == "cutmix" else difference)


def test_quotients_and_calibration_are_columns_too(run, report) -> None:
    scores = run[1]
    table = paper(report, columns=["mce", "clean_ece"], against="baseline")
    errors = {m: np.array([scores[f"{c}_error"][m].mean() for c in CORRUPTIONS]) for m in SEEDS}
    mce, ece = table.columns
    assert [one.title for one in table.columns] == ["mCE (reference)", "ECE, clean"]
    for place, method in enumerate(SEEDS):
        value = np.mean(errors[method] / errors["baseline"])
        assert mce.cells[place].value == pytest.approx(value, abs=1e-12)
        if method != "baseline":
            assert mce.cells[place].difference == pytest.approx(value - 1, abs=1e-12)
        # All confidences are 0.75: one bin.
        seeds = np.abs(1 - scores["clean_error"][method].mean(1) - 0.75)
        assert ece.cells[place].value == pytest.approx(seeds.mean(), abs=1e-6)
    assert [cell.is_best for cell in ece.cells].count(True) == 1
    assert any("baseline (5 seeds) is 100" in note for note in table.notes)
    assert caption(table).startswith("Scores (%, if no unit is named; lower is better)")


def test_a_column_of_which_methods_have_no_difference_says_so_and_its_direction(report: Report) -> None:
    table = paper(report, columns=("mean_corruption_error", "relative_robustness"))
    accuracies = [cell.value for cell in table.columns[1].cells]
    assert [cell.is_best for cell in table.columns[1].cells] == [value == max(accuracies) for value in accuracies]
    assert "No differences are given for relative robustness." in table.notes
    assert not [note for note in table.notes if note.startswith("Not measured")]
    assert "lower is better, but for relative robustness" in caption(table)


def test_the_caption_says_what_was_measured_and_what_marks_mean(report: Report) -> None:
    assert caption(paper(report)) == (
        "Top-1 error (%, lower is better) of resnet20 on shapes (150 images, corruptions generated with the cifar "
        "severities): mean ± standard deviation over the training seeds. Bold: best of its column; ≈: not "
        "significantly different from the best (two-sided, Holm within the column at 5%); below: difference to CutMix "
        "in percentage points, †: significant at 5% (two-sided, Holm over all 15 tests; methods with too few seeds for "
        "a test bear none)."
    )


def test_a_wrong_name_number_or_format_is_named(run, report, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Unknown column 'fogg_error'; did you mean 'fog_error'"):
        paper(report, columns=["clean_error", "fogg_error"])
    with pytest.raises(UsageError, match="did you mean 'cutmix'"):
        paper(report, against="cutmx")
    with pytest.raises(UsageError, match="--against cutmix-1 is not a row of the paper's table"):
        paper(report, against="cutmix-1")
    with pytest.raises(UsageError, match="0 to 4 digits after the point, got 5"):
        paper_request(digits=5)
    with pytest.raises(UsageError, match="Unknown spread 'std'; did you mean 'sd'"):
        paper_request(spread="std")
    with pytest.raises(UsageError, match="A column has no name"):
        paper_request(columns=["clean_error", " "])
    with pytest.raises(UsageError, match="add latex to --format"):
        write_report([run[0]], tmp_path, ["md"], paper=paper_request(digits=2))


def test_the_command_writes_what_was_asked_for(tmp_path: Path, monkeypatch, capsys) -> None:
    builder = RunBuilder(tmp_path / "run", n=N)
    for place, method in enumerate(("baseline", "cutmix")):
        builder.card(method, method, 0)
        wrong = put_sweep(builder, method, ERRORS[method], place, ("fog",))
    options = ["--format", "latex", "--columns", "clean_error, fog_error", "--digits", "2", "--against", "baseline"]
    monkeypatch.setattr(sys, "argv", ["robustsweep", "report", str(builder.root), "--out", str(tmp_path), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, capsys.readouterr().err
    text = (tmp_path / "latex" / "paper_table.tex").read_text()
    assert rows_of(text)[1][1] == f"{100 * wrong['clean'].mean():.2f}"
    assert r"\input{paper_table.tex}" in (tmp_path / "latex" / "report.tex").read_text()


def test_without_predictions_per_image_there_are_means_and_the_reason_for_no_differences(tmp_path: Path) -> None:
    builder = RunBuilder(tmp_path / "run")
    for method, n_right in (("baseline", 800), ("cutmix", 850)):
        builder.card(method, method, 0)
        builder.clean(method, n_right + 50)
        builder.sweep(method, lambda corruption, severity, n=n_right: n - 50 * severity)
    (table,) = paper_tables(build_report([builder.root]), paper_request(columns=["relative_mce", "clean_error"]))
    relative, clean = table.columns
    assert [cell.value for cell in relative.cells] == pytest.approx([1.0, 1.0])
    assert [cell.value for cell in clean.cells] == pytest.approx([0.15, 0.1])
    assert all(cell.difference is None for column in table.columns for cell in column.cells)
    assert any(note.startswith("No differences: ") for note in table.notes)
    assert "difference to" not in caption(table)


HOSTILE = r"50%_\x{a}~^&#$ | --- <b> é"


def test_hostile_names_are_typeset_literally(tmp_path: Path) -> None:
    builder = RunBuilder(tmp_path / "run", n=60, data=HOSTILE)
    for place, method in enumerate(("cutmix", HOSTILE)):
        builder.card(method, method, 0, architecture=HOSTILE)
        put_sweep(builder, method, 0.3 + 0.1 * place, place, ("fog",))
    (table,) = paper_tables(build_report([builder.root]), paper_request(columns=["fog_error", "clean_error"]))
    text = paper_latex(table)
    assert text.count(escape_latex(HOSTILE)) >= 3
    assert not re.search(r"(?<!\\)[%#](?!\n)", text.partition("\n")[2])
    tabular = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    lines = [line for line in tabular.split(r" \\") if "&" in line]
    assert {len(re.findall(r"(?<!\\)&", line.replace(r"\multicolumn", "&"))) for line in lines} == {4}


def test_many_columns_go_over_blocks_and_few_fit_one_column_of_the_paper(report: Report) -> None:
    names = [f"{name}_error" for name in CORRUPTIONS]
    wide, narrow = paper_latex(paper(report, columns=names)), paper_latex(paper(report, columns=names[:2]))
    assert narrow.count(r"\begin{table}[tb]") == 1
    assert wide.count(r"\begin{tabular}{lr") > 1
    assert wide.count(r"\label") == 1
    assert len(re.findall(r"\\multicolumn\{2\}\{c\}\{(?!\\scriptsize)", wide)) == len(names)


def test_of_many_methods_the_best_fit_the_page(tmp_path: Path) -> None:
    builder = RunBuilder(tmp_path / "run", n=100)
    for k in range(MOST_METHODS + 4):
        name = {0: "baseline", 1: "cutmix"}.get(k, f"m{k:02d}")
        builder.card(name, name, 0)
        put(builder, name, {"name": "clean", "kind": "clean"}, np.arange(100) < 95 - 3 * k)
    (table,) = paper_tables(build_report([builder.root]), paper_request())
    assert table.labels == ["baseline", "CutMix", *(f"m{k:02d}" for k in range(6, MOST_METHODS + 4))]
    assert table.notes[0] == f"The best {MOST_METHODS} of 24 methods by clean, and those they are held to."
    (column,) = table.columns
    assert isinstance(column, PaperColumn)
    assert [cell.is_best for cell in column.cells].index(True) == MOST_METHODS - 1
    assert "one training seed per method" in caption(table)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex is installed")
@pytest.mark.parametrize("spread", ["sd", "interval"])
def test_it_compiles_in_two_columns_without_an_overfull_line(report: Report, tmp_path: Path, spread: str) -> None:
    names = ["mean_corruption_error", "clean_error", *(f"{name}_error" for name in CORRUPTIONS)]
    (tmp_path / "paper_table.tex").write_text(paper_latex(paper(report, columns=names, spread=spread)))
    head = r"\documentclass[twocolumn]{article}\usepackage[T1]{fontenc}\usepackage{booktabs,graphicx}"
    (tmp_path / "paper.tex").write_text(head + r"\begin{document}Text.\input{paper_table}\end{document}")
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    assert not re.search(r"Overfull|Float too large", (tmp_path / "paper.log").read_text(errors="replace"))
