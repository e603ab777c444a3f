"""New training runs, judged by several training runs of their method."""

import numpy as np
import pytest
from answered_runs import put
from gated_runs import CLEAN, Make, first
from run_builder import RunBuilder

from robustsweep.errors import NothingToCompareError, RegressionFoundError
from robustsweep.results.gate.baseline import write_baseline
from robustsweep.results.gate.outcome import run_gate
from robustsweep.results.gate.wrong_images import read_answers
from robustsweep.results.statistics.score_intervals import paired_score_interval

N = 4_000


def trainings(builder: RunBuilder, method: str | None, n_wrong: list[int], *, first_seed: int = 0) -> RunBuilder:
    for seed, count in enumerate(n_wrong, first_seed):
        name = f"{method}-{seed}"
        builder.card(name, method, seed, weights=name)
        put(builder, name, CLEAN, first(count, N))
    return builder


@pytest.fixture
def baseline(make_builder: Make) -> RunBuilder:
    """Four training runs of cutmix, 2.5 percentage points apart in standard deviation, and one of mixup."""
    builder = trainings(make_builder("base", n=N), "cutmix", [900, 1_000, 1_100, 1_120])
    return trainings(builder, "mixup", [1_000])


def test_a_training_within_the_spread_of_its_method_does_not_fail_and_one_beyond_it_does(
    make_builder: Make, baseline: RunBuilder
) -> None:
    within = trainings(make_builder("within", n=N), "cutmix", [1_120], first_seed=7)
    beyond = trainings(make_builder("beyond", n=N), "cutmix", [1_700], first_seed=7)
    (judged,) = run_gate(within.root, baseline.root, retrained=True).judged
    assert judged.verdict == "INCONCLUSIVE"
    assert judged.baseline == "4 training runs of cutmix"
    assert judged.values == pytest.approx((1_030 / N, 1_120 / N))
    outcome = run_gate(beyond.root, baseline.root, retrained=True)
    assert outcome.judged[0].verdict == "FAIL"
    with pytest.raises(RegressionFoundError, match="cutmix-7 is worse than its baseline on clean"):
        outcome.raise_unless_passed(strict=False)
    assert any("the spread of the baseline's seeds is covered" in note for note in outcome.notes)
    assert not any("One checkpoint against one" in note for note in outcome.notes)
    assert "In the baseline but not here: mixup-0." in outcome.notes


def test_by_name_the_same_training_would_have_failed(make_builder: Make, baseline: RunBuilder) -> None:
    same_name = make_builder("again", n=N)
    same_name.card("cutmix-0", "cutmix", 0, weights="another training")
    put(same_name, "cutmix-0", CLEAN, first(1_000, N))
    assert run_gate(same_name.root, baseline.root).judged[0].verdict == "FAIL"
    assert run_gate(same_name.root, baseline.root, retrained=True).judged[0].verdict != "FAIL"


def test_equal_trainings_leave_open_what_their_images_do(make_builder: Make) -> None:
    base = trainings(make_builder("base", n=300), "cutmix", [])
    new = make_builder("new", n=300)
    for builder, name in ((base, "a"), (base, "b"), (base, "c"), (new, "d")):
        builder.card(name, "cutmix", ord(name), weights=name)
        put(builder, name, CLEAN, np.arange(300) < 60)
    (judged,) = run_gate(new.root, base.root, retrained=True).judged
    assert judged.estimate.standard_error == 0
    assert judged.interval.high > 0.01
    assert judged.verdict == "INCONCLUSIVE"


def test_where_one_image_disagrees_the_score_interval_of_the_images_stays(make_builder: Make) -> None:
    base, new = make_builder("base", n=300), make_builder("new", n=300)
    wrong = {name: np.arange(300) < 60 for name in "abcd"}
    wrong["d"] = np.arange(300) < 61
    for name, answers in wrong.items():
        builder = new if name == "d" else base
        builder.card(name, "cutmix", ord(name), weights=name)
        put(builder, name, CLEAN, answers)
    (judged,) = run_gate(new.root, base.root, retrained=True).judged
    expected = paired_score_interval(wrong["d"].astype(float) - wrong["a"])
    assert judged.estimate.interval().high < 0.01 < expected.high
    assert judged.interval.high == pytest.approx(expected.high)
    assert judged.verdict == "INCONCLUSIVE"


def test_a_checkpoint_is_not_judged_by_itself(baseline: RunBuilder) -> None:
    outcome = run_gate(baseline.root, baseline.root, retrained=True)
    by_name = {one.candidate: one.baseline for one in outcome.judged}
    assert by_name == {f"cutmix-{seed}": "3 training runs of cutmix" for seed in range(4)}
    assert outcome.without_partner == ("mixup-0",)


def test_too_few_trainings_and_candidates_without_a_method_are_refused(
    make_builder: Make, baseline: RunBuilder
) -> None:
    few = trainings(make_builder("few", n=N), "cutmix", [900, 1_000])
    new = trainings(make_builder("new", n=N), "cutmix", [1_000], first_seed=7)
    nameless = trainings(make_builder("nameless", n=N), None, [1_000])
    with pytest.raises(NothingToCompareError, match=r"2 other training run\(s\) of cutmix; a new one is judged by 3"):
        run_gate(new.root, few.root, retrained=True)
    with pytest.raises(NothingToCompareError, match="names no method"):
        run_gate(nameless.root, baseline.root, retrained=True)


def test_a_baseline_file_knows_the_methods(make_builder: Make, baseline: RunBuilder) -> None:
    path = baseline.root.parent / "baseline.npz"
    write_baseline(path, read_answers(baseline.root))
    new = trainings(make_builder("new", n=N), "cutmix", [1_120], first_seed=7)
    from_file, from_run = (run_gate(new.root, source, retrained=True).judged for source in (path, baseline.root))
    assert from_file == from_run
