"""Corruption metrics that name the conditions they need and refuse to be computed from fewer.

Everything here works on one ``pandas.Series`` per checkpoint: a quantity such as the error (a fraction) indexed by
condition name (``"clean"``, ``"fog@3"``). Where the numbers came from does not matter, so rows published elsewhere can
be fed as well. A condition that is absent or NaN is missing; no mean is ever taken over what happens to exist.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from robustsweep.errors import NothingToCompareError
from robustsweep.results.corruption_names import CORRUPTIONS, GROUPS, SEVERITIES, conditions_of
from robustsweep.results.metrics.measured import Measured

CLEAN = "clean"

Formula = Callable[[Measured, Measured], float]


class MissingCellsError(NothingToCompareError):
    """A metric was asked for whose cells are not all measured.

    Attributes:
        missing: Names of the missing conditions.
    """

    def __init__(self, metric: str, whose: str, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        shown = ", ".join(self.missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
        super().__init__(
            f"{metric} needs {len(missing)} cell(s) that are not measured for {whose}: {shown}. "
            "Sweep the missing conditions, then report again."
        )


class UndefinedMetricError(NothingToCompareError):
    """All cells are there, but the reference makes the quotient meaningless."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number per checkpoint.

    Attributes:
        name: Identifier, also the column name in CSV files.
        title: What tables call it.
        definition: One sentence that says exactly what is averaged.
        conditions: Every condition it needs, of the checkpoint and, if ``normalised``, of the reference.
        formula: Computes it from the checkpoint's and the reference's values; the latter counts only if normalised.
        quantity: What the values are: ``"error"``, ``"top5_error"``, ``"nll"`` or ``"brier"``. Smaller is better for
            all of them.
        normalised: Whether a reference divides it.
    """

    name: str
    title: str
    definition: str
    conditions: tuple[str, ...]
    formula: Formula
    quantity: str = "error"
    normalised: bool = False

    def missing_from(self, measured: Measured) -> list[str]:
        """List the needed conditions that are not measured."""
        return [name for name in self.conditions if name not in measured.values]

    def value(self, values: "pd.Series[float]", reference: "pd.Series[float] | None" = None) -> float:
        """Compute the metric.

        Args:
            values: One checkpoint's quantity by condition name.
            reference: The reference's, for a normalised metric.

        Raises:
            MissingCellsError: If a needed condition is missing, naming all that are.
            UndefinedMetricError: If the reference's errors cannot divide anything.
        """
        mine = Measured.of(values)
        if missing := self.missing_from(mine):
            raise MissingCellsError(self.title, mine.name, missing)
        if not self.normalised:
            return self.formula(mine, mine)
        if reference is None:
            raise NothingToCompareError(f"{self.title} divides by a reference's errors, but none was given.")
        divisor = Measured.of(reference)
        if missing := self.missing_from(divisor):
            raise MissingCellsError(self.title, f"the reference {reference.name}", missing)
        return self.formula(mine, divisor)


def _mean_over(conditions: tuple[str, ...]) -> Formula:
    return lambda values, _: float(values.taken(conditions).mean())


def mean_metric(name: str, title: str, corruptions: Sequence[str], quantity: str = "error") -> Metric:
    """Build the plain mean of a quantity over ``corruptions`` at all five severities."""
    conditions = conditions_of(*corruptions)
    noun = "corruption" if len(corruptions) == 1 else "corruptions"
    definition = f"Mean {quantity.replace('_', '-')} over {len(corruptions)} {noun} x {len(SEVERITIES)} severities"
    return Metric(
        name, title, f"{definition} ({', '.join(corruptions)}).", conditions, _mean_over(conditions), quantity
    )


def corruption_error(corruption: str) -> Metric:
    """Build the mean error of one corruption over its five severities."""
    return mean_metric(corruption, corruption, [corruption])


def _quotient(numerator: float, denominator: float, what: str, reference: Measured) -> float:
    if denominator <= 0:
        raise UndefinedMetricError(
            f"It is undefined, because {what} of the reference {reference.name} is not above zero and divides nothing; "
            "choose another reference."
        )
    return numerator / denominator


def _ce(corruption: str) -> Formula:
    names = list(conditions_of(corruption))
    return lambda values, reference: _quotient(
        float(values.taken(names).sum()),
        float(reference.taken(names).sum()),
        f"the error under {corruption}",
        reference,
    )


def _relative_ce(corruption: str) -> Formula:
    names = list(conditions_of(corruption))
    return lambda values, reference: _quotient(
        float((values.taken(names) - values.values[CLEAN]).sum()),
        float((reference.taken(names) - reference.values[CLEAN]).sum()),
        f"the rise of error under {corruption}",
        reference,
    )


def ce(corruption: str) -> Metric:
    """Build CE: a corruption's summed error over the reference's; 1 is the reference itself.

    Source: Hendrycks & Dietterich 2019, section 4.2: a ratio of sums, not a mean of per-severity ratios.
    """
    return Metric(
        f"ce_{corruption}",
        f"CE {corruption}",
        f"Error under {corruption} summed over five severities, divided by the same sum of the reference.",
        conditions_of(corruption),
        _ce(corruption),
        normalised=True,
    )


def relative_ce(corruption: str) -> Metric:
    """Build relative CE: the summed rise of error above the clean error, over the reference's rise.

    Source: Hendrycks & Dietterich 2019, section 4.2.
    """
    return Metric(
        f"relative_ce_{corruption}",
        f"relative CE {corruption}",
        f"Error under {corruption} minus clean error, summed over five severities, divided by the reference's sum.",
        (CLEAN, *conditions_of(corruption)),
        _relative_ce(corruption),
        normalised=True,
    )


def _mean_of(metrics: Sequence[Metric]) -> Formula:
    return lambda values, reference: sum(m.formula(values, reference) for m in metrics) / len(metrics)


def _normalised_mean(name: str, title: str, parts: Sequence[Metric], what: str) -> Metric:
    conditions = tuple(dict.fromkeys(condition for part in parts for condition in part.conditions))
    definition = (
        f"Mean of {len(parts)} {what}, one per corruption of the benchmark, each a ratio of sums over 5 severities."
    )
    return Metric(name, title, definition, conditions, _mean_of(parts), normalised=True)


CLEAN_ERROR = Metric(
    "clean_error", "clean", "Top-1 error on the images without any corruption.", (CLEAN,), _mean_over((CLEAN,))
)
CLEAN_TOP5_ERROR = Metric(
    "clean_top5_error",
    "clean top-5",
    "Fraction of clean images whose label is not among the five largest logits.",
    (CLEAN,),
    _mean_over((CLEAN,)),
    "top5_error",
)
MEAN_CORRUPTION_ERROR = mean_metric("mean_corruption_error", "mean corruption", CORRUPTIONS)
GROUP_ERRORS = tuple(mean_metric(f"{group}_error", group, names) for group, names in GROUPS.items())
MCE = _normalised_mean("mce", "mCE", [ce(c) for c in CORRUPTIONS], "CE values")
RELATIVE_MCE = _normalised_mean(
    "relative_mce", "relative mCE", [relative_ce(c) for c in CORRUPTIONS], "relative CE values"
)
