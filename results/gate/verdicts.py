"""PASS, FAIL or INCONCLUSIVE for each score, as one family of tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.gate.pairs import Pair
from robustsweep.results.gate.wrong_images import Answers
from robustsweep.results.metrics.measured_cells import Flags
from robustsweep.results.metrics.scores import CellName, Score
from robustsweep.results.statistics.families import holm
from robustsweep.results.statistics.intervals import ALPHA, Estimate, Floats, Ids, Interval, clustered_mean
from robustsweep.results.statistics.paired import p_worse
from robustsweep.results.statistics.score_intervals import paired_score_interval
from robustsweep.results.statistics.seeds import new_training_difference

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]

NO_LIMIT = "no possible loss would have been found"


@dataclass(frozen=True, slots=True)
class Judged:
    """One score of one pair.

    Attributes:
        candidate: Name of the candidate.
        baseline: Name of its baseline, or how many training runs of which method.
        score: What was judged.
        values: The baseline's and the candidate's score.
        estimate: Candidate minus baseline; above zero is worse.
        interval: Its two-sided 95% interval: the score interval over images, for a new training run with the spread of
            the known ones.
        same_checkpoint: Whether both have the same weights and no image disagrees: nothing is left to chance.
        margin: Least difference that matters, as a fraction.
        p_holm: One-sided p value of "not worse", adjusted over everything that is judged.
        smallest_detectable: The true difference that would have failed with probability 0.8, whatever the other scores
            show.
        verdict: FAIL: significant and at least the margin. PASS: the interval ends below the margin. Else
            INCONCLUSIVE.
    """

    candidate: str
    baseline: str
    score: Score
    values: tuple[float, float]
    estimate: Estimate
    interval: Interval
    same_checkpoint: bool
    margin: float
    p_holm: float
    smallest_detectable: float
    verdict: Verdict

    @property
    def would_have_shown(self) -> float | None:
        """``smallest_detectable``; None if nothing is left to chance, or no possible loss is as large."""
        is_possible = self.smallest_detectable < self.score.largest_difference
        return self.smallest_detectable if is_possible and not self.same_checkpoint else None


def judge(pairs: Sequence[Pair], scores: Sequence[Score], margins: Mapping[str, float], ids: Ids) -> list[Judged]:
    """Judge every score that a pair has, as one Holm family at 5%.

    Args:
        pairs: Candidates and baselines, measured alike.
        scores: What to judge; a score with a cell that the baseline lacks is left out for that pair.
        margins: Least difference that matters by score, as fractions.
        ids: Source image of each row.

    Raises:
        DataError: If a cell has another number of images than the candidate's run.
    """
    tests = [
        (pair, score, _scores(pair, score, ids))
        for pair in pairs
        for score in scores
        if all(has_cells(one, score) for one in (pair.candidate, *pair.baselines))
    ]
    found = [_tested(*scored, ids, family_size=len(tests)) for _, _, scored in tests]
    adjusted = holm([p for _, p in found])
    return [
        _judged(pair, score, scored, estimate, margins[score.name], p, ids, len(tests))
        for (pair, score, scored), (estimate, _), p in zip(tests, found, adjusted, strict=True)
    ]


def _tested(candidate: Floats, baselines: Floats, ids: Ids, *, family_size: int) -> tuple[Estimate, float]:
    """Estimate candidate minus baseline, with the one-sided p value of "not worse"."""
    differences = candidate - baselines.mean(axis=0)
    images = clustered_mean(differences, ids)
    p = p_worse(differences, images, ids, family_size=family_size)
    if len(baselines) == 1:
        return images, p
    estimate = new_training_difference(candidate, baselines, ids)
    return estimate, max(p, estimate.p_above_zero())


def _judged(
    pair: Pair,
    score: Score,
    scored: tuple[Floats, Floats],
    estimate: Estimate,
    margin: float,
    p: float,
    ids: Ids,
    family_size: int,
) -> Judged:
    candidate, baselines = scored
    interval = _interval(pair, candidate - baselines.mean(axis=0), estimate, ids, bound=score.largest_difference)
    shown = interval or Interval(0.0, 0.0)
    return Judged(
        pair.candidate.name,
        pair.baseline_name,
        score,
        (float(baselines.mean()), float(candidate.mean())),
        estimate,
        shown,
        interval is None,
        margin,
        p,
        estimate.smallest_detectable(ALPHA / family_size, sides=1, margin=margin),
        _verdict(estimate.value, shown.high, margin, p),
    )


def _interval(pair: Pair, differences: Floats, estimate: Estimate, ids: Ids, *, bound: float) -> Interval | None:
    """Return the interval of the difference; None for one checkpoint with equal predictions, which leaves no doubt."""
    is_one_pair = len(pair.baselines) == 1
    if is_one_pair and pair.candidate.checkpoint_id == pair.baselines[0].checkpoint_id and not differences.any():
        return None
    images = paired_score_interval(differences, ids, bound=bound)
    if is_one_pair:
        return images
    # Where the seeds agree by chance, what the images leave open remains.
    seeds = estimate.interval()
    return Interval(max(-bound, min(images.low, seeds.low)), min(bound, max(images.high, seeds.high)))


def _verdict(difference: float, upper: float, margin: float, p: float) -> Verdict:
    if p < ALPHA and difference >= margin:
        return "FAIL"
    return "PASS" if upper < margin or difference == upper == 0 else "INCONCLUSIVE"


def has_cells(one: Answers, score: Score) -> bool:
    """Whether a checkpoint has every cell of a score."""
    return all(cell in one.wrong for cell in score.cells)


def _scores(pair: Pair, score: Score, ids: Ids) -> tuple[Floats, Floats]:
    """Return the score of each image: the candidate's, shape (n,), and the baselines', shape (K, n)."""
    candidate, *baselines = (scored_images(one.wrong, score) for one in (pair.candidate, *pair.baselines))
    for one in baselines:
        if not candidate.shape == one.shape == ids.shape:
            raise DataError(f"{score.title} has {len(candidate)} images here and {len(one)} in the baseline.")
    return candidate, np.stack(baselines)


def scored_images(wrong: Mapping[CellName, Flags], score: Score) -> Floats:
    """Return the score of each image, shape (n,), from which images were wrong in its cells."""
    total = sum(w * wrong[cell].astype(np.float64) for cell, w in zip(score.cells, score.weights, strict=True))
    return np.asarray(total, dtype=np.float64)
