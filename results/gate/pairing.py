"""Which checkpoint is judged by which, and whether the two were measured alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from robustsweep.errors import NothingToCompareError
from robustsweep.results.gate.answers import Answers, RunAnswers
from robustsweep.results.scores import CellName, cell_title


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A candidate and the baseline that it is judged by."""

    candidate: Answers
    baseline: Answers


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """All pairs of two runs.

    Attributes:
        pairs: By name; or the only two.
        without_partner: Names of candidates that the baseline does not know.
        unused: Names of baselines that no candidate has.
    """

    pairs: tuple[Pair, ...]
    without_partner: tuple[str, ...]
    unused: tuple[str, ...]


def pair_up(candidates: RunAnswers, baselines: RunAnswers) -> Pairing:
    """Pair checkpoints by name; where each side holds exactly one, those two.

    Raises:
        NothingToCompareError: If a pair was not measured alike, or the candidate lacks cells of its baseline.
    """
    if len(candidates.checkpoints) == len(baselines.checkpoints) == 1:
        pairs = [Pair(candidates.checkpoints[0], baselines.checkpoints[0])]
    else:
        known = {one.name: one for one in baselines.checkpoints}
        pairs = [Pair(one, known[one.name]) for one in candidates.checkpoints if one.name in known]
    for pair in pairs:
        _refuse_foreign(pair, (candidates.title, baselines.title))
        _refuse_missing(pair)
    partnered = {pair.candidate.name for pair in pairs}
    used = {pair.baseline.name for pair in pairs}
    return Pairing(
        tuple(pairs),
        tuple(one.name for one in candidates.checkpoints if one.name not in partnered),
        tuple(one.name for one in baselines.checkpoints if one.name not in used),
    )


def _refuse_foreign(pair: Pair, titles: tuple[str, str]) -> None:
    shared = [cell for cell in pair.baseline.settings if cell in pair.candidate.settings]
    if not shared:
        raise NothingToCompareError(
            f"The baseline is foreign: {pair.baseline.name} and {pair.candidate.name} share no condition (it has "
            f"{_listed(list(pair.baseline.settings))}). Sweep the conditions of the baseline."
        )
    for cell in shared:
        theirs, ours = (json.loads(one.settings[cell]) for one in (pair.baseline, pair.candidate))
        if theirs != ours:
            names = sorted(set(theirs) | set(ours))
            differing = [
                f"{name} ({_short(theirs.get(name))} in the baseline, {_short(ours.get(name))} here)"
                for name in names
                if theirs.get(name) != ours.get(name)
            ]
            raise NothingToCompareError(
                f"The baseline is foreign ({titles[1]}; here {titles[0]}): {cell[0]} was measured with another "
                f"{', '.join(differing)}. Sweep both alike, or write a new baseline with --write-baseline."
            )


def _refuse_missing(pair: Pair) -> None:
    if missing := [cell for cell in pair.baseline.settings if cell not in pair.candidate.settings]:
        raise NothingToCompareError(
            f"{pair.candidate.name} lacks {len(missing)} cell(s) that its baseline has: {_listed(missing)}. Sweep "
            "them, or write a new baseline with --write-baseline."
        )


def _listed(cells: Sequence[CellName]) -> str:
    names = [cell_title(cell) for cell in cells]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _short(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:57]}..."
