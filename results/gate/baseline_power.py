"""Power of a baseline before there is a candidate: the smallest loss, and the images that a margin needs."""

import math
from collections.abc import Mapping

import numpy as np

from robustsweep.results.comparable.rows import UNSPECIFIED
from robustsweep.results.gate.verdicts import has_cells, scored_images
from robustsweep.results.gate.wrong_images import Answers, RunAnswers
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.intervals import ALPHA, POWER, Estimate, clustered_mean
from robustsweep.results.tables.table import Column, Table, Value

_MOST_OTHERS = 10

_COLUMNS = (
    Column("score", "score"),
    Column("baseline", "baseline (%)", "percent"),
    Column("margin", "margin (pp)", "percent"),
    Column("smallest_detectable", "smallest loss (pp)", "percent"),
    Column("images_needed", "images for the margin", "count"),
)


def baseline_power(run: RunAnswers, margins: Mapping[str, float]) -> Table | None:
    """Build a table with a row per score, for the checkpoint that shows least.

    How a candidate will differ from image to image is unknown. If the baseline has several training runs of a
    method, a candidate is taken to differ from one as these differ from each other. Else its variance is bounded by
    twice that of the baseline's own score: so two checkpoints differ that are equally good and err independently.

    Args:
        run: The baseline.
        margins: Least losses that matter by score, as fractions.

    Returns:
        The table; None if nothing is judged, or there are fewer than two images.
    """
    tested = {score: [one for one in run.checkpoints if has_cells(one, score)] for score in run.scores}
    n_tests = sum(map(len, tested.values()))
    if not n_tests or len(np.unique(run.ids)) < 2:
        return None
    rows = []
    for score, found in tested.items():
        if found:
            least = max((_difference(one, score, run) for one in found), key=lambda e: e.standard_error)
            rows.append(_row(score, least, margins, n_tests))
    notes = (
        f"Smallest loss: a candidate that is worse by so much on these {len(run.ids):,} images would FAIL in "
        f"{POWER:.0%} of cases, with Holm over {n_tests} scores. Images for the margin: from so many on, a loss as "
        "large as the margin would be significant as often.",
        "A candidate is taken to differ from the baseline as its training runs of one method differ, or, of a single "
        "one, to err independently of it: one that resembles it more fails for smaller losses. With --retrained the "
        "spread of the seeds comes on top.",
    )
    return Table("baseline", f"What this baseline can show: {run.title}", None, _COLUMNS, tuple(rows), notes)


def _difference(one: Answers, score: Score, run: RunAnswers) -> Estimate:
    """Estimate the score of a checkpoint, with the standard error that its difference from a candidate would have."""
    mine = scored_images(one.wrong, score)
    found = clustered_mean(mine, run.ids)
    others = [b for b in run.checkpoints if b is not one and b.method == one.method and has_cells(b, score)]
    variance = 2 * found.standard_error**2
    if others and one.method != UNSPECIFIED:
        pairs = (clustered_mean(mine - scored_images(b.wrong, score), run.ids) for b in others[:_MOST_OTHERS])
        variance = float(np.mean([pair.standard_error**2 for pair in pairs]))
    return Estimate(found.value, math.sqrt(variance), found.degrees_of_freedom, found.n_images)


def _row(score: Score, expected: Estimate, margins: Mapping[str, float], n_tests: int) -> tuple[Value, ...]:
    margin, alpha = margins[score.name], ALPHA / n_tests
    loss = expected.smallest_detectable(alpha, sides=1, margin=margin)
    shown = loss if loss < score.largest_difference else None
    return (score.named, expected.value, margin, shown, _images_needed(expected, alpha, margin))


def _images_needed(expected: Estimate, alpha: float, margin: float) -> int | None:
    """Return from how many images on a loss as large as the margin is significant; None: never, for a margin of 0."""
    if margin == 0:
        return None
    if expected.standard_error == 0:
        return math.ceil(math.log(alpha) / math.log1p(-min(margin, 0.999)))
    return math.ceil(expected.n_images * (expected.smallest_detectable(alpha, sides=1) / margin) ** 2)
