"""PASS, FAIL or INCONCLUSIVE for each score, as one family of tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.gate.pairing import Pair
from robustsweep.results.scores import Score
from robustsweep.results.statistics.families import holm
from robustsweep.results.statistics.intervals import ALPHA, Estimate, Floats, Ids, Interval, clustered_mean
from robustsweep.results.statistics.paired import p_worse
from robustsweep.results.statistics.score_intervals import paired_score_interval

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One score of one pair.

    Attributes:
        candidate: Name of the candidate.
        baseline: Name of its baseline.
        score: What was judged.
        values: The baseline's and the candidate's score.
        estimate: Candidate minus baseline; above zero is worse.
        interval: Its two-sided 95 % score interval.
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


def judge(pairs: Sequence[Pair], scores: Sequence[Score], margins: Mapping[str, float], ids: Ids) -> list[Judged]:
    """Judge every score that a pair has, as one Holm family at 5 %.

    Args:
        pairs: Candidates and baselines, measured alike.
        scores: What to judge; a score with a cell that the baseline lacks is left out for that pair.
        margins: Least difference that matters by score, as fractions.
        ids: Source image of each row.

    Raises:
        DataError: If a cell has another number of images than the candidate's run.
    """
    tests = [(pair, score, _differences(pair, score, ids)) for pair in pairs for score in scores if _has(pair, score)]
    estimates = [clustered_mean(differences, ids) for _, _, differences in tests]
    p_values = [
        p_worse(differences, estimate, ids, family_size=len(tests))
        for (_, _, differences), estimate in zip(tests, estimates, strict=True)
    ]
    return [
        _judged(pair, score, _interval(pair, score, differences, ids), estimate, margins[score.name], p, len(tests))
        for (pair, score, differences), estimate, p in zip(tests, estimates, holm(p_values), strict=True)
    ]


def _judged(
    pair: Pair,
    score: Score,
    interval: Interval | None,
    estimate: Estimate,
    margin: float,
    p: float,
    family_size: int,
) -> Judged:
    shown = interval or Interval(0.0, 0.0)
    return Judged(
        pair.candidate.name,
        pair.baseline.name,
        score,
        (float(_scored(pair.baseline.wrong, score).mean()), float(_scored(pair.candidate.wrong, score).mean())),
        estimate,
        shown,
        interval is None,
        margin,
        p,
        estimate.smallest_detectable(ALPHA / family_size, sides=1, margin=margin),
        _verdict(estimate.value, shown.high, margin, p),
    )


def _interval(pair: Pair, score: Score, differences: Floats, ids: Ids) -> Interval | None:
    """Return the interval of the difference; None for one checkpoint with equal answers, which leaves no doubt."""
    if pair.candidate.checkpoint_id == pair.baseline.checkpoint_id and not differences.any():
        return None
    return paired_score_interval(differences, ids, bound=sum(score.weights))


def _verdict(difference: float, upper: float, margin: float, p: float) -> Verdict:
    if p < ALPHA and difference >= margin:
        return "FAIL"
    return "PASS" if upper < margin or difference == upper == 0 else "INCONCLUSIVE"


def _has(pair: Pair, score: Score) -> bool:
    return all(cell in pair.baseline.wrong and cell in pair.candidate.wrong for cell in score.cells)


def _differences(pair: Pair, score: Score, ids: Ids) -> Floats:
    candidate, baseline = _scored(pair.candidate.wrong, score), _scored(pair.baseline.wrong, score)
    if not candidate.shape == baseline.shape == ids.shape:
        raise DataError(f"{score.title} has {len(candidate)} images here and {len(baseline)} in the baseline.")
    return candidate - baseline


def _scored(wrong: Mapping[tuple[str, str], np.ndarray[tuple[int, ...], np.dtype[np.bool_]]], score: Score) -> Floats:
    total = sum(w * wrong[cell].astype(np.float64) for cell, w in zip(score.cells, score.weights, strict=True))
    return np.asarray(total, dtype=np.float64)
