"""Pairs of checkpoints, and a check that the two were measured alike."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from robustsweep.errors import NothingToCompareError
from robustsweep.printable import cut, listed
from robustsweep.results.comparable.rows import UNSPECIFIED
from robustsweep.results.gate.wrong_images import Answers, RunAnswers
from robustsweep.results.metrics.scores import CellName, cell_title
from robustsweep.results.statistics.seeds import FEWEST_SEEDS

_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A candidate and what it is judged by.

    Attributes:
        candidate: What is judged.
        baselines: One checkpoint; or, for a new training run, several training runs of its method.
    """

    candidate: Answers
    baselines: tuple[Answers, ...]

    @property
    def baseline_name(self) -> str:
        """The baseline's name, or how many of which method."""
        if len(self.baselines) == 1:
            return self.baselines[0].name
        return f"{len(self.baselines)} training runs of {self.candidate.method}"


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """All pairs of two runs.

    Attributes:
        pairs: By name, or the only two; by method if candidates are new training runs.
        without_partner: Names of candidates that the baseline does not know.
        unused: Names of baselines that no candidate has.
    """

    pairs: tuple[Pair, ...]
    without_partner: tuple[str, ...]
    unused: tuple[str, ...]


def pair_up(candidates: RunAnswers, baselines: RunAnswers, *, retrained: bool = False) -> Pairing:
    """Pair checkpoints by name; if each side holds exactly one, those two.

    Args:
        candidates: What is judged.
        baselines: What it is judged by.
        retrained: Judge every candidate by all baselines of its method, but itself.

    Raises:
        NothingToCompareError: If a pair was not measured alike, the candidate lacks cells of its baseline, or there are
            too few training runs to judge a new one by.
    """
    pairs = _by_method(candidates, baselines) if retrained else _by_name(candidates, baselines)
    for pair in pairs:
        for baseline in pair.baselines:
            _refuse_foreign(pair.candidate, baseline, (candidates.title, baselines.title))
            _refuse_missing(pair.candidate, baseline)
    partnered = {pair.candidate.name for pair in pairs}
    used = {baseline.name for pair in pairs for baseline in pair.baselines}
    return Pairing(
        tuple(pairs),
        tuple(one.name for one in candidates.checkpoints if one.name not in partnered),
        tuple(one.name for one in baselines.checkpoints if one.name not in used),
    )


def _by_name(candidates: RunAnswers, baselines: RunAnswers) -> list[Pair]:
    if len(candidates.checkpoints) == len(baselines.checkpoints) == 1:
        return [Pair(candidates.checkpoints[0], (baselines.checkpoints[0],))]
    known = {one.name: one for one in baselines.checkpoints}
    return [Pair(one, (known[one.name],)) for one in candidates.checkpoints if one.name in known]


def _by_method(candidates: RunAnswers, baselines: RunAnswers) -> list[Pair]:
    pairs = []
    for one in candidates.checkpoints:
        if one.method == UNSPECIFIED:
            raise NothingToCompareError(
                f"{one.name} names no method, and new training runs are judged by those of their method; add method=."
            )
        same = [b for b in baselines.checkpoints if b.method == one.method and b.checkpoint_id != one.checkpoint_id]
        if 0 < len(same) < FEWEST_SEEDS:
            raise NothingToCompareError(
                f"The baseline has {len(same)} other training run(s) of {one.method}; a new one is judged by "
                f"{FEWEST_SEEDS} or more. Sweep more seeds into the baseline, or leave out --retrained."
            )
        if same:
            pairs.append(Pair(one, tuple(same)))
    return pairs


def _refuse_foreign(candidate: Answers, baseline: Answers, titles: tuple[str, str]) -> None:
    shared = [cell for cell in baseline.settings if cell in candidate.settings]
    if not shared:
        raise NothingToCompareError(
            f"The baseline is foreign: {baseline.name} and {candidate.name} share no condition (it has "
            f"{_titles(list(baseline.settings))}). Sweep the conditions of the baseline."
        )
    for cell in shared:
        theirs, ours = (json.loads(one.settings[cell]) for one in (baseline, candidate))
        if theirs != ours:
            names = sorted(set(theirs) | set(ours))
            differing = [
                _difference(name, theirs.get(name), ours.get(name))
                for name in names
                if theirs.get(name) != ours.get(name)
            ]
            raise NothingToCompareError(
                f"The baseline is foreign ({titles[1]}; here {titles[0]}): {cell[0]} was measured otherwise: "
                f"{', '.join(differing)}. Sweep both alike, or write a new baseline with --write-baseline."
            )


def _refuse_missing(candidate: Answers, baseline: Answers) -> None:
    if missing := [cell for cell in baseline.settings if cell not in candidate.settings]:
        raise NothingToCompareError(
            f"{candidate.name} lacks {len(missing)} cell(s) that its baseline has: {_titles(missing)}. Sweep "
            "them, or write a new baseline with --write-baseline."
        )


def _titles(cells: Sequence[CellName]) -> str:
    return listed([cell_title(cell) for cell in cells])


def _difference(name: str, theirs: object, ours: object) -> str:
    if all(isinstance(value, str) and _HASH.fullmatch(value) for value in (theirs, ours)):
        return f"other {name}"
    return f"{name} ({_shown(theirs)} in the baseline, {_shown(ours)} here)"


def _shown(value: object) -> str:
    return cut(json.dumps(value, sort_keys=True), 60)
