"""mCE by a method of several seeds, and what a name stands for, against derivations of their own."""

from pathlib import Path

import numpy as np
import pytest
from compared_runs import Make, method, only
from run_builder import RunBuilder
from scipy import stats

from robustsweep.errors import UsageError
from robustsweep.results.compare.comparison import compare
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.report.document import build_report

N = 150
SEEDS = {"baseline": 5, "smoothmix": 3, "cutmix": 4}
Errors = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Errors]:
    """Write a run; return its errors by method, shape (seeds, n, 15)."""
    builder = RunBuilder(tmp_path_factory.mktemp("references") / "run", n=N)
    errors = {}
    for name, error in (("baseline", 0.5), ("smoothmix", 0.35), ("cutmix", 0.42)):
        found = []
        for seed in range(SEEDS[name]):
            (one,) = method(builder, name, error + 0.03 * np.sin(5 * seed), 1, CORRUPTIONS, first_seed=seed)
            found.append([np.mean([one[f"{c}@{s}"] for s in SEVERITIES], axis=0) for c in CORRUPTIONS])
        errors[name] = np.array(found).transpose(0, 2, 1)
    return builder.root, errors


def mce_difference(reference: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    divisor = reference.mean((0, 1))
    return float(((first.mean((0, 1)) - second.mean((0, 1))) / divisor).mean())


def variance_over_images(errors: Errors, reference: str, first: str, second: str) -> float:
    rng, drawn = np.random.default_rng(1), []
    for _ in range(4000):
        images = rng.integers(0, N, N)
        drawn.append(mce_difference(*(errors[name][:, images] for name in (reference, first, second))))
    return float(np.var(drawn, ddof=1))


def variance_over_seeds(errors: Errors, reference: str, first: str, second: str) -> list[tuple[float, int]]:
    """Leave out one seed after another (the jackknife); a method in two places leaves it out of both."""
    found = []
    for name in dict.fromkeys((reference, first, second)):
        k, values = len(errors[name]), []
        for seed in range(k):
            left = errors | {name: np.delete(errors[name], seed, axis=0)}
            values.append(mce_difference(left[reference], left[first], left[second]))
        found.append(((k - 1) / k * float(np.square(np.array(values) - np.mean(values)).sum()), k - 1))
    return found


@pytest.mark.parametrize(
    ("reference", "first", "second"),
    [("baseline", "smoothmix", "cutmix"), ("baseline", "smoothmix", "baseline"), ("cutmix", "cutmix", "baseline")],
)
def test_mce_by_a_method_counts_its_seeds_once(run: tuple[Path, Errors], reference, first, second) -> None:
    root, errors = run
    one = only(compare([root], first, second, reference=reference), "mce_vs_reference")
    assert one.score.title == f"mCE ({reference if reference == 'baseline' else 'CutMix'} ({SEEDS[reference]} seeds))"
    assert one.difference.estimate.value == pytest.approx(
        mce_difference(errors[reference], errors[first], errors[second]), abs=1e-12
    )
    of_images = variance_over_images(errors, reference, first, second)
    parts = [(of_images, N - 1), *variance_over_seeds(errors, reference, first, second)]
    variance = sum(v for v, _ in parts)
    # Two bootstraps of 2 000 and 4 000 draws, and leaving one of three out, agree to some percent.
    assert one.difference.estimate.standard_error**2 == pytest.approx(variance, rel=0.15)
    degrees = variance**2 / sum(v**2 / d for v, d in parts)
    half = stats.t.isf(0.025, degrees) * np.sqrt(variance)
    assert (one.interval.high - one.interval.low) / 2 == pytest.approx(half, rel=0.12)


def test_compare_and_report_divide_by_the_same_reference(run: tuple[Path, Errors]) -> None:
    root, _ = run
    one = only(compare([root], "smoothmix", "cutmix", reference="baseline"), "mce_vs_reference")
    headline = next(table for table in build_report([root], "baseline").tables if table.slug == "method_headline")
    place = [column.title for column in headline.columns].index("mCE (reference)")
    by_method = {row[0]: row[place] for row in headline.rows}
    assert one.values == pytest.approx((by_method["smoothmix"], by_method["cutmix"]), abs=1e-12)


def test_a_method_comes_before_a_checkpoint_of_its_name(make_builder: Make) -> None:
    builder = make_builder(n=40)
    for name, seed in (("cutmix", 0), ("cutmix-b", 1)):
        method(builder, "cutmix", 0.5, 1, CORRUPTIONS, first_seed=seed, called=name)
    method(builder, "smoothmix", 0.4, 1, CORRUPTIONS)
    found = compare([builder.root], "smoothmix", "cutmix", reference="cutmix")
    assert only(found, "mce_vs_reference").score.title == "mCE (CutMix (2 seeds))"
    assert only(found, "clean_error").difference.n_seeds == (1, 2)
    headline = next(t for t in build_report([builder.root], "cutmix").tables if t.slug == "method_headline")
    assert any("CutMix (2 seeds) is 100" in note for note in headline.notes)
    found = compare([builder.root], "smoothmix", "cutmix", reference="cutmix-b")
    assert only(found, "mce_vs_reference").score.title == "mCE (cutmix-b)"


def test_seeds_that_differ_otherwise_are_no_reference_and_unknown_ones_are_named(make_builder: Make) -> None:
    builder = make_builder(n=40)
    for alpha in (1, 2):
        method(builder, "mixup", 0.5, 1, CORRUPTIONS, first_seed=alpha, method_parameters={"alpha": alpha})
    for name in ("smoothmix", "cutmix"):
        method(builder, name, 0.4, 1, CORRUPTIONS)
    with pytest.raises(UsageError, match=r"differ by more than their training seed \(mixup-1, mixup-2\)"):
        compare([builder.root], "smoothmix", "cutmix", reference="mixup")
    with pytest.raises(UsageError, match="Unknown reference 'mixupp'; did you mean 'mixup'"):
        compare([builder.root], "smoothmix", "cutmix", reference="mixupp")
