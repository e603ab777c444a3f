"""The comparisons that plans declared, each in a sentence per opponent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from robustsweep.errors import RobustsweepError
from robustsweep.results.compare.comparison import UnitComparison, compare
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.compare.request import opponents
from robustsweep.results.compare.wording import amount, reading
from robustsweep.results.metrics.scores import C_BAR, PRIMARY
from robustsweep.results.report.section import Section
from robustsweep.results.stored.cells import Json
from robustsweep.results.tables.table import METHOD


def with_declared(sections: Sequence[Section], declared: Sequence[Json], runs: Sequence[Path]) -> tuple[Section, ...]:
    """Let the sentences of each set begin with what was declared before there was a result.

    A comparison over several training runs, which belongs to no single set, and one that cannot be made stand with the
    first set.

    Args:
        sections: The sets.
        declared: What plans declared.
        runs: Where the cells are.
    """
    said: list[list[str]] = [[] for _ in sections]
    scopes = [section.unit.scope for section in sections]
    for one in declared:
        method, against = one["methods"][0], opponents(one)
        try:
            found = compare(runs, method, against, one["metrics"], one["reference"])
        except RobustsweepError as error:
            names = ", ".join(map(METHOD.shown, against))
            said[0].append(f"{METHOD.shown(method)} against {names}: declared and not compared. {error}")
            continue
        for unit in found:
            place = scopes.index(unit.unit.scope) if unit.unit.scope in scopes else 0
            said[place] += map(sentence_of, _asked(unit, one["metrics"]))
    return tuple(
        replace(section, summary=(*dict.fromkeys(sentences), *section.summary))
        for section, sentences in zip(sections, said, strict=True)
    )


def _asked(found: UnitComparison, metrics: Sequence[str]) -> Iterator[Comparison]:
    """Choose the scores that were named, else the means over C and C-bar, else the first that was measured."""
    for _, other in found.pairs:
        mine = [one for one in found.comparisons if one.second == other]
        named = [one for one in mine if (one.score.name in metrics if metrics else one.score.kind in (PRIMARY, C_BAR))]
        yield from named or mine[:1]


def sentence_of(one: Comparison) -> str:
    """Say one score of a comparison: both values, and what the data say of their difference."""
    first, second = (replace(side, name=METHOD.shown(side.name)) for side in (one.first, one.second))
    values = " against ".join(f"{amount(value, one)}{'%' if one.score.is_fraction else ''}" for value in one.values)
    said = reading(replace(one, first=first, second=second))
    return f"{first.name} against {second.name}, {one.score.title}: {values}; {said}."
