"""The outcome of a gate: all verdicts, what could not be judged, and how the command ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from robustsweep.errors import InconclusiveError, NothingToCompareError, RegressionFoundError
from robustsweep.results.gate.baseline import read_baseline
from robustsweep.results.gate.margins import margins_of
from robustsweep.results.gate.networks import differing_networks
from robustsweep.results.gate.pairs import pair_up
from robustsweep.results.gate.verdicts import NO_LIMIT, Judged, judge
from robustsweep.results.gate.wrong_images import read_answers
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.intervals import POWER
from robustsweep.results.tables.table import Column, Table, Value

_ORDER = ("FAIL", "INCONCLUSIVE", "PASS")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a gate found.

    Attributes:
        title: What the images are.
        judged: All verdicts, in the order of checkpoints and scores.
        without_partner: Candidates that the baseline does not know.
        notes: Sentences that belong beside the verdicts.
        networks: In what the networks differ beside their weights, in one line; empty if in nothing.
    """

    title: str
    judged: tuple[Judged, ...]
    without_partner: tuple[str, ...]
    notes: tuple[str, ...]
    networks: str = ""

    def count(self, verdict: str) -> int:
        """Return the number of scores with a verdict."""
        return sum(one.verdict == verdict for one in self.judged)

    @property
    def sentence(self) -> str:
        """One line that sums it up."""
        counts = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in _ORDER)
        missing = f"; not in the baseline: {', '.join(self.without_partner)}" if self.without_partner else ""
        return f"{len(self.judged)} scores judged: {counts}{missing}"

    def raise_unless_passed(self, *, strict: bool) -> None:
        """End the command as the verdicts say.

        Args:
            strict: Whether INCONCLUSIVE is not good enough.

        Raises:
            RegressionFoundError: If a score failed; whatever else happened.
            NothingToCompareError: If a candidate has no partner in the baseline.
            InconclusiveError: If a score is inconclusive and ``strict`` holds.
        """
        failed = [one for one in self.judged if one.verdict == "FAIL"]
        if failed:
            raise RegressionFoundError("; ".join(_regressions(failed)) + ".")
        if self.without_partner:
            raise NothingToCompareError(
                f"The baseline has no partner for {', '.join(self.without_partner)}; name the checkpoints alike with "
                "name=, or write a new baseline with --write-baseline."
            )
        if strict and (count := self.count("INCONCLUSIVE")):
            raise InconclusiveError(
                f"{count} of {len(self.judged)} scores are inconclusive; measure more images, or widen --margin."
            )


def _regressions(failed: Sequence[Judged]) -> list[str]:
    by_candidate: dict[str, list[str]] = {}
    for one in failed:
        by_candidate.setdefault(one.candidate, []).append(one.score.named)
    return [f"{name} is worse than its baseline on {', '.join(scores)}" for name, scores in by_candidate.items()]


def run_gate(run: Path, baseline: Path, margins: Sequence[str] = (), *, retrained: bool = False) -> Outcome:
    """Judge the checkpoints of a run by a baseline.

    Args:
        run: The candidates' run folder.
        baseline: A run folder, or a file that ``write_baseline`` wrote.
        margins: As in ``margins_of``.
        retrained: Whether the candidates are new training runs, each judged by all of its method in the baseline.

    Raises:
        NothingToCompareError: If the baseline is missing or foreign, or nothing is shared.
        DataError: If cells or the baseline are damaged.
        UsageError: If a margin cannot be understood.
    """
    known, candidates = read_baseline(baseline), read_answers(run)
    wanted = margins_of(candidates.scores, margins)
    pairing = pair_up(candidates, known, retrained=retrained)
    judged = judge(pairing.pairs, candidates.scores, wanted, candidates.ids)
    if pairing.pairs and not judged:
        raise NothingToCompareError(f"{run} and {baseline} share no complete score; sweep the same suites for both.")
    notes = list(dict.fromkeys([*candidates.notes, *known.notes]))
    if pairing.unused:
        notes.append(f"In the baseline but not here: {', '.join(pairing.unused)}.")
    if unjudged := _unjudged(candidates.scores, judged):
        notes.append(f"Not in the baseline, hence not judged: {', '.join(unjudged)}.")
    if any(one.would_have_shown is None and not one.same_checkpoint for one in judged):
        remedy = "sweep more seeds of the method into the baseline" if retrained else "measure more images"
        notes.append(f"If no number stands, {NO_LIMIT}: {remedy}.")
    if retrained:
        notes.append("New training runs against those of their method: the spread of the baseline's seeds is covered.")
    elif any(not one.same_checkpoint for one in judged):
        notes.append("One checkpoint against one: how other training runs would differ is not covered.")
    return Outcome(
        candidates.title, tuple(judged), pairing.without_partner, tuple(notes), differing_networks(pairing.pairs)
    )


def _unjudged(scores: Sequence[Score], judged: Sequence[Judged]) -> list[str]:
    names = {one.score.name for one in judged}
    return [score.named for score in scores if score.name not in names] if names else []


def verdict_table(outcome: Outcome) -> Table:
    """Build the table of verdicts: what failed first."""
    names = [Column("verdict", "verdict"), Column("candidate", "checkpoint"), Column("score", "score")]
    numbers = ("baseline", "candidate", "difference", "low", "high", "margin", "smallest_detectable")
    titles = ("baseline (%)", "now (%)", "difference (pp)", "95% from", "to", "margin (pp)", "smallest loss found (pp)")
    columns = [*names, *(Column(n, t, "percent") for n, t in zip(numbers, titles, strict=True))]
    columns.append(Column("p_holm", "p (Holm)", "p_value"))
    rows = tuple(_row(one) for verdict in _ORDER for one in outcome.judged if one.verdict == verdict)
    notes = (
        "Differences: candidate minus baseline, paired by image; above zero is worse. FAIL: p (one-sided, Holm over "
        "all rows) below 0.05 and the difference at least the margin. PASS: the 95% interval ends below the margin.",
        f"Smallest loss found: a true one of that size fails in {POWER:.0%} of cases.",
        *outcome.notes,
    )
    return Table("gate", f"Errors against the baseline: {outcome.title}", None, tuple(columns), rows, notes, keys=3)


def _row(one: Judged) -> tuple[Value, ...]:
    numbers = (*one.values, one.estimate.value, one.interval.low, one.interval.high, one.margin)
    return (one.verdict, one.candidate, one.score.named, *numbers, one.would_have_shown, one.p_holm)
