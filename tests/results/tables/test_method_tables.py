"""Tables of methods, derived again from the runs' own predictions with NumPy, SciPy and statsmodels."""

from dataclasses import replace

import numpy as np
import pytest
from answered_runs import put, put_ladder, put_sweep
from run_builder import RunBuilder
from scipy import stats
from statsmodels.stats.multitest import multipletests

from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.metrics.catalogue import every_score
from robustsweep.results.metrics.scores import mean_score
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.tables.table import Table

N = 300
SEEDS = {"baseline": 5, "cutmix": 3, "mixup": 2, "smoothmix_s": 1}
ERRORS = {"baseline": 0.36, "cutmix": 0.33, "mixup": 0.345, "smoothmix_s": 0.325}
Wrong = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunBuilder, dict[str, list[Wrong]]]:
    builder = RunBuilder(tmp_path_factory.mktemp("methods") / "run", n=N)
    wrong: dict[str, list[Wrong]] = {}
    for place, (method, n_seeds) in enumerate(SEEDS.items()):
        for seed in range(n_seeds):
            name = f"{method}-{seed}"
            builder.card(name, method, seed)
            error = ERRORS[method] + 0.01 * np.sin(7 * seed + place)
            wrong.setdefault(method, []).append(put_sweep(builder, name, error, seed=100 * place + seed))
            put_ladder(builder, name, np.random.default_rng(seed + place).integers(-1, 3, N), ("1/255", "2/255"))
            # Clean images are easier, so that the error rises under every corruption.
            easier = np.random.default_rng(1000 + 10 * place + seed).random(N) < 0.5
            wrong[method][-1]["clean"] &= easier
            put(builder, name, {"name": "clean", "kind": "clean"}, wrong[method][-1]["clean"])
            wrong[method][-1] |= put_windows(builder, name, 10 * place + seed)
    return builder, wrong


def put_windows(builder: RunBuilder, name: str, seed: int) -> Wrong:
    """Write windows of three edges and sizes; the clean predictions are 1 where right and 0 elsewhere."""
    rng, wrong = np.random.default_rng(seed), {}
    for edge in ("hard", "linear", "gauss"):
        for fraction in (0.25, 0.375, 0.5):
            condition = {"name": f"window-{edge}-mean@{fraction:g}", "kind": "window"}
            condition |= {"edge": edge, "filling": "mean", "fraction": fraction}
            found = rng.random(N) < 0.4 + (0.05 * (seed % 3) if edge == "hard" else 0)
            put(builder, name, condition, found)
            wrong[str(condition["name"])] = found
    return wrong


@pytest.fixture(scope="module")
def report(run: tuple[RunBuilder, dict[str, list[Wrong]]]) -> Report:
    return build_report([run[0].root])


def table_of(report: Report, slug: str) -> Table:
    (table,) = [table for table in report.tables if table.slug == slug]
    return table


def means_of(found: list[Wrong], corruptions: tuple[str, ...]) -> np.ndarray:
    """Each seed's and image's mean error over some corruptions, shape (K, n)."""
    return np.array([np.mean([one[f"{c}@{s}"] for c in corruptions for s in SEVERITIES], axis=0) for one in found])


def interval_of(scores: np.ndarray) -> tuple[float, float]:
    """Return the interval over images and seeds of scores (K, n)."""
    k, n = scores.shape
    parts = [(scores.mean(0).var(ddof=1) / n, n - 1)]
    parts += [(scores.mean(1).var(ddof=1) / k, k - 1)] if k > 1 else []
    variance = sum(v for v, _ in parts)
    degrees = variance**2 / sum(v**2 / d for v, d in parts)
    low, high = stats.t.interval(0.95, degrees, loc=scores.mean(), scale=np.sqrt(variance))
    return float(low), float(high)


def p_of(a: np.ndarray, b: np.ndarray) -> float:
    parts = [((a.mean(0) - b.mean(0)).var(ddof=1) / N, N - 1)]
    parts += [(one.mean(1).var(ddof=1) / len(one), len(one) - 1) for one in (a, b)]
    variance = sum(v for v, _ in parts)
    degrees = variance**2 / sum(v**2 / d for v, d in parts)
    return float(2 * stats.t.sf(abs(a.mean() - b.mean()) / np.sqrt(variance), degrees))


@pytest.mark.parametrize(
    ("name", "corruptions"),
    [("mean_corruption_error", CORRUPTIONS), ("noise_error", ("gaussian_noise", "shot_noise", "impulse_noise"))],
)
def test_means_intervals_and_ties_of_methods_are_those_of_an_independent_derivation(run, report, name, corruptions):
    table = table_of(report, "method_headline")
    assert [row[:2] for row in table.rows] == list(SEEDS.items())
    place = [column.name for column in table.columns].index(name)
    scores = {method: means_of(found, corruptions) for method, found in run[1].items()}
    for row, method in enumerate(SEEDS):
        assert table.rows[row][place] == pytest.approx(scores[method].mean(), abs=1e-12)
        assert table.intervals[row, place] == pytest.approx(interval_of(scores[method]), abs=1e-9)
    best = min(scores, key=lambda method: scores[method].mean())
    others = [method for method in SEEDS if method != best]
    is_tested = [min(SEEDS[best], SEEDS[method]) >= 3 for method in others]
    p = [p_of(scores[best], scores[m]) if tested else 1.0 for m, tested in zip(others, is_tested, strict=True)]
    kept = multipletests(p, alpha=0.05, method="holm")[0]
    expected = {method for method, differs in zip(others, kept, strict=True) if not differs}
    assert {str(table.rows[row][0]) for row, column in table.tied if column == place} == expected


def test_every_corruption_and_attack_has_a_row_for_methods_with_intervals_over_seeds(run, report):
    table = table_of(report, "method_error_per_corruption")
    titles = [column.name for column in table.columns]
    row = [values[1] for values in table.rows].index("fog")
    for method, found in run[1].items():
        scores, place = means_of(found, ("fog",)), titles.index(method)
        assert table.rows[row][place] == pytest.approx(scores.mean(), abs=1e-12)
        assert table.intervals[row, place] == pytest.approx(interval_of(scores), abs=1e-9)
    attacks = table_of(report, "method_robust_accuracy")
    row = [values[1] for values in attacks.rows].index("1/255")
    held = np.array([np.random.default_rng(seed).integers(-1, 3, N) > 0 for seed in range(5)]).astype(float)
    assert attacks.rows[row][2] == pytest.approx(held.mean(), abs=1e-12)
    assert attacks.intervals[row, 2] == pytest.approx(interval_of(held), abs=1e-9)


def test_mce_divides_by_the_mean_of_the_baselines_seeds_whose_sampling_counts(run, report):
    table = table_of(report, "method_headline")
    place = [column.title for column in table.columns].index("mCE (reference)")
    errors = {m: np.stack([means_of(found, (c,)) for c in CORRUPTIONS], axis=2) for m, found in run[1].items()}

    def mce(model: np.ndarray, reference: np.ndarray) -> float:
        return float((model.mean((0, 1)) / reference.mean((0, 1))).mean())

    reference, model = errors["baseline"], errors["cutmix"]
    row = list(SEEDS).index("cutmix")
    assert table.rows[0][place] == pytest.approx(1.0, abs=1e-12)
    assert (0, place) not in table.intervals
    assert table.rows[row][place] == pytest.approx(mce(model, reference), abs=1e-12)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(4000):
        images = rng.integers(0, N, N)
        seeds = [rng.integers(0, len(one), len(one)) for one in (model, reference)]
        drawn.append(mce(model[seeds[0]][:, images], reference[seeds[1]][:, images]))
    low, high = table.intervals[row, place]
    # The bootstrap divides the seeds' variance by K, where K - 1 is unbiased, and knows no t distribution.
    assert 1.0 < (high - low) / (2 * 1.96 * np.std(drawn)) < 1.7
    assert any("baseline (5 seeds) is 100" in note for note in table.notes)


def row_of(table: Table, name: str) -> int:
    (row,) = [row for row, values in enumerate(table.rows) if str(values[1]).startswith(name)]
    return row


def test_severity_five_has_a_line_of_its_own_with_its_interval(run, report):
    table = table_of(report, "method_error_per_corruption")
    row, names = row_of(table, "mean at severity 5"), [column.name for column in table.columns]
    for method, found in run[1].items():
        scores = np.array([np.mean([one[f"{c}@5"] for c in CORRUPTIONS], axis=0) for one in found])
        assert table.rows[row][names.index(method)] == pytest.approx(scores.mean(), abs=1e-12)
        assert table.intervals[row, names.index(method)] == pytest.approx(interval_of(scores), abs=1e-9)


def test_relative_robustness_divides_accuracies_and_higher_is_better(run, report):
    table = table_of(report, "method_error_per_corruption")
    row, names = row_of(table, "relative robustness"), [column.name for column in table.columns]
    values, scores = {}, {}
    for method, found in run[1].items():
        accuracy, clean = 1 - means_of(found, CORRUPTIONS), np.array([1.0 - one["clean"] for one in found])
        values[method] = accuracy.mean() / clean.mean()
        # The delta method: to first order a ratio changes as its parts do, over the mean of what divides.
        scores[method] = values[method] + (accuracy - values[method] * clean) / clean.mean()
        assert table.rows[row][names.index(method)] == pytest.approx(values[method], abs=1e-12)
        assert table.intervals[row, names.index(method)] == pytest.approx(interval_of(scores[method]), abs=1e-9)
    best = max(values, key=lambda method: values[method])
    assert {names[column] for r, column in table.best() if r == row} == {best}
    assert best != min(values, key=lambda method: values[method])
    others = [method for method in SEEDS if method != best]
    tested = [min(SEEDS[best], SEEDS[method]) >= 3 for method in others]
    p = [p_of(scores[best], scores[m]) if t else 1.0 for m, t in zip(others, tested, strict=True)]
    kept = multipletests(p, alpha=0.05, method="holm")[0]
    expected = {method for method, differs in zip(others, kept, strict=True) if not differs}
    assert {names[column] for r, column in table.tied if r == row} == expected


def linearised_relative_mce(model: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Relative mCE by image and seed to first order, from rises of error (seeds, images, 15)."""
    divisors = reference.mean((0, 1))
    ces = model.mean((0, 1)) / divisors
    return (ces + (model - ces * reference.mean(0)) / divisors).mean(2)


def test_relative_mce_has_an_interval_and_both_means_stand_below_the_corruptions(run, report):
    head, table = table_of(report, "method_headline"), table_of(report, "method_error_per_corruption")
    titles, names = [column.title for column in head.columns], [column.name for column in table.columns]
    rises = {
        method: np.stack([means_of(found, (c,)) - np.array([one["clean"] for one in found]) for c in CORRUPTIONS], 2)
        for method, found in run[1].items()
    }
    reference, place = rises["baseline"], titles.index("relative mCE (reference)")
    divisors = reference.mean((0, 1))
    for row, method in enumerate(SEEDS):
        value = float((rises[method].mean((0, 1)) / divisors).mean())
        assert head.rows[row][place] == pytest.approx(value, abs=1e-12)
        assert table.rows[row_of(table, "relative mCE")][names.index(method)] == head.rows[row][place]
        if method == "baseline":
            assert (row, place) not in head.intervals
            continue
        model, ces = rises[method], rises[method].mean((0, 1)) / divisors
        parts = [(linearised_relative_mce(model, reference).mean(0).var(ddof=1) / N, N - 1)]
        by_seed = ((model.mean(1) / divisors).mean(1), (ces * reference.mean(1) / divisors).mean(1))
        parts += [(one.var(ddof=1) / len(one), len(one) - 1) for one in by_seed if len(one) > 1]
        variance = sum(v for v, _ in parts)
        degrees = variance**2 / sum(v**2 / d for v, d in parts)
        expected = stats.t.interval(0.95, degrees, loc=value, scale=np.sqrt(variance))
        assert head.intervals[row, place] == pytest.approx(expected, abs=1e-9)
        assert table.intervals[row_of(table, "relative mCE"), names.index(method)] == head.intervals[row, place]
    mce = head.rows[1][titles.index("mCE (reference)")]
    assert table.rows[row_of(table, "mCE (reference)")][names.index("cutmix")] == mce


@pytest.mark.parametrize(
    ("name", "conditions"),
    [("clean_ece", ["clean"]), ("corruptions_ece", [f"{c}@{s}" for c in CORRUPTIONS for s in SEVERITIES])],
)
def test_calibration_of_methods_is_the_mean_of_their_seeds_with_an_interval(run, report, name, conditions):
    table = table_of(report, "method_calibration")
    assert [row[0] for row in table.rows] == list(SEEDS)
    place = [column.name for column in table.columns].index(name)
    scores = {}
    for row, (method, found) in enumerate(run[1].items()):
        # Every confidence is 0.75, so that one bin holds all images.
        gaps = np.array([np.mean([0.75 - (1.0 - one[c]) for c in conditions], axis=0) for one in found])
        scores[method] = gaps * np.sign(gaps.mean(axis=1, keepdims=True))
        assert table.rows[row][place] == pytest.approx(np.abs(gaps.mean(axis=1)).mean(), abs=1e-12)
        assert table.rows[row][place + 1] == pytest.approx(gaps.mean(), abs=1e-12)
        low, high = interval_of(scores[method])
        assert table.intervals[row, place] == pytest.approx((max(0.0, low), high), abs=1e-9)
    best = min(scores, key=lambda method: scores[method].mean())
    others = [method for method in SEEDS if method != best]
    tested = [min(SEEDS[best], SEEDS[method]) >= 3 for method in others]
    p = [p_of(scores[best], scores[m]) if t else 1.0 for m, t in zip(others, tested, strict=True)]
    kept = multipletests(p, alpha=0.05, method="holm")[0]
    expected = {method for method, differs in zip(others, kept, strict=True) if not differs}
    assert {str(table.rows[row][0]) for row, column in table.tied if column == place} == expected


def test_windows_of_methods_are_means_over_seeds_with_their_intervals(run, report):
    table = table_of(report, "method_window_edges")
    names = [column.name for column in table.columns]
    for row, (method, found) in enumerate(run[1].items()):
        right = {
            edge: np.array(
                [np.mean([~one[f"window-{edge}-mean@{f:g}"] for f in (0.25, 0.375, 0.5)], 0) for one in found]
            )
            for edge in ("hard", "linear", "gauss")
        }
        changed = [
            np.mean([one[f"window-hard-mean@{f:g}"] != one["clean"] for f in (0.25, 0.375, 0.5)], 0) for one in found
        ]
        assert table.rows[row][:2] == ("mean", method)
        shown = {"hard_accuracy": right["hard"], "hard_minus_linear": right["hard"] - right["linear"]}
        for name, scores in (shown | {"hard_changed": np.array(changed)}).items():
            place, least = names.index(name), -1 if name == "hard_minus_linear" else 0
            assert table.rows[row][place] == pytest.approx(scores.mean(), abs=1e-12)
            assert table.intervals[row, place] == pytest.approx(np.clip(interval_of(scores), least, 1), abs=1e-9)
        scores = right["hard"] - right["linear"]
        variance = scores.mean(0).var(ddof=1) / N
        variance += scores.mean(1).var(ddof=1) / len(scores) if len(scores) > 1 else 0
        assert table.rows[row][names.index("hard_minus_linear") + 1] == pytest.approx(np.sqrt(variance), abs=1e-12)
    single = table_of(report, "method_window_accuracy")
    row = row_of(single, "window-hard-mean@0.5")
    scores = np.array([~one["window-hard-mean@0.5"] for one in run[1]["cutmix"]]).astype(float)
    assert single.rows[row][3] == pytest.approx(scores.mean(), abs=1e-12)
    assert single.intervals[row, 3] == pytest.approx(interval_of(scores), abs=1e-9)
    assert table_of(report, "window_edges").depth == "detail"


def test_a_score_that_is_added_stands_in_the_headline_with_interval_and_tie(run, monkeypatch):
    noisy = mean_score("noise_at_5", "noise at 5", "severity", [f"{c}@5" for c in CORRUPTIONS[:3]])
    mute = replace(noisy, name="mute_at_5", title="mute at 5", no_interval="nobody asks single images.")
    monkeypatch.setattr(every_score, "HEADLINE", (*every_score.HEADLINE, noisy, mute))
    report = build_report([run[0].root])
    for slug in ("method_headline", "headline"):
        table = table_of(report, slug)
        place, silent = ([column.name for column in table.columns].index(n) for n in ("noise_at_5", "mute_at_5"))
        assert {(row, place) for row in range(len(table.rows))} <= table.intervals.keys()
        assert any(column == place for _, column in table.tied | table.best())
        assert any(column == place for _, column in table.tied)
        assert [row[silent] for row in table.rows] == [row[place] for row in table.rows]
        assert not any(column == silent for _, column in {*table.intervals, *table.tied})
        assert "No interval of mute at 5: nobody asks single images." in table.notes


def test_no_column_of_a_score_lacks_both_its_interval_and_the_reason(report):
    for table in report.tables:
        lines = {
            (score.name, place[1] if table.best_along == "column" else place[0])
            for place, (score, _) in table.scores.items()
        }
        bounded = {place[1] if table.best_along == "column" else place[0] for place in table.intervals}
        assert table.scores or not table.slug.endswith(("headline", "per_corruption", "scores", "calibration"))
        assert {line for _, line in lines} <= bounded, table.slug


def test_rows_of_checkpoints_follow_folded_with_the_same_reference(report):
    slugs = [table.slug for table in report.tables]
    assert slugs.index("method_headline") < slugs.index("headline")
    table = table_of(report, "headline")
    assert table.depth == "detail"
    assert len(table.rows) == sum(SEEDS.values())
    assert any(column.title == "mCE (reference)" for column in table.columns)
    (section,) = report.sections
    assert {picture.table_slug for picture in section.pictures} <= {"", *slugs}
    assert section.summary[0].startswith("Lowest mean error over the 15 corruptions of C: SmoothMix-S, ")


def test_a_condition_that_one_seed_lacks_is_missing_for_its_method(tmp_path):
    builder = RunBuilder(tmp_path / "run", n=50)
    for method, seed, corruptions in (("a", 0, ("fog", "snow")), ("a", 1, ("fog",)), ("b", 0, ("fog", "snow"))):
        builder.card(f"{method}{seed}", method, seed)
        put_sweep(builder, f"{method}{seed}", 0.4, seed, corruptions=corruptions)
    table = table_of(build_report([builder.root]), "method_error_per_corruption")
    values = {str(row[1]): row[2:] for row in table.rows}
    assert values["snow"][0] is None
    assert None not in (*values["fog"], values["snow"][1])


def test_methods_with_one_seed_each_are_rows_of_the_headline_alone(tmp_path):
    builder = RunBuilder(tmp_path / "run", n=50)
    for method in ("a", "b"):
        builder.card(method, method, 0)
        put_sweep(builder, method, 0.4, 0)
    report = build_report([builder.root])
    assert not [table.slug for table in report.tables if table.slug.startswith("method_")]
    assert table_of(report, "headline").depth == "summary"


def test_without_a_baseline_the_headline_says_why_there_is_no_mce(tmp_path):
    builder = RunBuilder(tmp_path / "run", n=50)
    for method in ("cutmix", "mixup"):
        builder.card(method, method, 0)
        put_sweep(builder, method, 0.4, 0)
    table = table_of(build_report([builder.root]), "headline")
    assert any(note.startswith("No mCE: ") and "none here has the method baseline" in note for note in table.notes)
    named = table_of(build_report([builder.root], "cutmix"), "headline")
    assert not any(note.startswith("No mCE: ") for note in named.notes)


def test_baselines_of_two_networks_are_named_because_they_have_no_mean(tmp_path):
    builder = RunBuilder(tmp_path / "run", n=50)
    for depth in (20, 32):
        builder.card(f"net{depth}", "baseline", None, architecture=f"resnet{depth}")
        put_sweep(builder, f"net{depth}", 0.4, 0)
    (note,) = (n for n in table_of(build_report([builder.root]), "headline").notes if n.startswith("No mCE: "))
    assert "method baseline (net20, net32) differ by more than their training seed" in note
