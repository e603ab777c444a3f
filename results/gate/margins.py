"""Margins: how large a loss of robustness has to be before it matters."""

import math
from collections.abc import Mapping, Sequence

from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.metrics.scores import KINDS, Score

DEFAULT_MARGINS: Mapping[str, float] = {kind: one.margin for kind, one in KINDS.items() if one.margin is not None}
"""Margins by kind of score, as fractions."""


def margins_of(scores: Sequence[Score], wanted: Sequence[str]) -> dict[str, float]:
    """Return the margin of each score, as a fraction, by name.

    Args:
        scores: What is judged.
        wanted: Texts ``METRIC=PP``: a score's name or a kind, and percentage points; a name wins over its kind.

    Raises:
        UsageError: If a text cannot be read, or names nothing that is judged.
    """
    chosen = dict(map(_parsed, wanted))
    known = [*DEFAULT_MARGINS, *(score.name for score in scores)]
    for name in chosen:
        if name not in known:
            raise unknown_name("metric", name, known)
    by_kind = dict(DEFAULT_MARGINS) | chosen
    return {score.name: chosen.get(score.name, by_kind[score.kind]) for score in scores}


def _parsed(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        points = float(number)
    except ValueError:
        points = math.nan
    if not name or not 0 <= points <= 100:
        raise UsageError(
            f"--margin takes METRIC=PP with percentage points from 0 to 100, such as fog_error=1, got {text!r}."
        )
    return name, points / 100
