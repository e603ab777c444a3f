"""The families of tests that the protocol names, and each test in a sentence that says no more than its interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robustsweep import compare
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.corruption_names import CORRUPTIONS, EDGES, FILLINGS
from robustsweep.results.method_names import written_name
from robustsweep.results.statistics.intervals import ALPHA

NO_MATTER = 0.01
"""Differences below one point on both sides do not matter, by the protocol."""
MEANS = {"mean_corruption_error": "C", "mean_corruption_error_cifar_c_bar": "C-bar"}
OVERLAPPING = ("autoaugment",)
"""Methods whose operations overlap corruptions: they are ranked with none."""


@dataclass(frozen=True, slots=True)
class Family:
    """Tests that are corrected together.

    Attributes:
        title: What it is about.
        method: The first side; differences are its error minus the other's.
        against: The other sides.
        metrics: Names of scores.
    """

    title: str
    method: str
    against: tuple[str, ...]
    metrics: tuple[str, ...]

    def command(self, results: Path) -> str:
        """Return the command that prints its numbers."""
        words = ["robustsweep compare", str(results), f"--method {self.method}"]
        words += [f"--against {name}" for name in self.against] + [f"--metric '{name}'" for name in self.metrics]
        return " ".join(words)

    def tests(self, results: Path) -> list[Comparison]:
        """Compute them; a score that was measured on several sets of images is taken of the largest."""
        found = compare(results, self.method, self.against, metrics=self.metrics).found
        units = sorted(found, key=lambda one: one.unit.scope.n)
        taken = {(one.score.name, one.second.name): one for unit in units for one in unit.comparisons}
        return [taken[metric, name] for name in self.against for metric in self.metrics]


def secondary(smooth: tuple[str, ...], opponent: str, methods: Sequence[str]) -> Iterator[Family]:
    """List the families that explain and do not decide.

    Args:
        smooth: The methods that the study is about.
        opponent: With which they are compared.
        methods: All of the study.
    """
    hard = tuple(f"hard_over_{soft}_{filling}" for filling in FILLINGS for soft in EDGES[1:])
    attacks = ("pgd10-linf@1/255_error", "pgd10-linf@2/255_error")
    yield Family("single corruptions", opponent, smooth, tuple(f"{name}_error" for name in CORRUPTIONS))
    yield Family("clean images", opponent, smooth, ("clean_error",))
    yield Family("PGD-10", opponent, smooth, attacks)
    yield Family("what a hard edge costs beyond a soft one", opponent, smooth, hard)
    for one in smooth:
        others = tuple(name for name in methods if name not in (one, *OVERLAPPING))
        yield Family(f"{written_name(one)} and every other method", one, others, ("mean_corruption_error",))


def points(value: float) -> str:
    """Write a difference in percentage points."""
    return f"{100 * value:.2f}"


def verdict(one: Comparison) -> str:
    """Say which of the protocol's four answers a primary test gives, of the second side against the first."""
    value, ends = one.difference.estimate.value, one.interval
    smooth, opponent = written_name(one.second.name), written_name(one.first.name)
    where = MEANS.get(one.score.name, one.score.title)
    measured = f"{points(value)} points ({points(ends.low)} to {points(ends.high)})"
    if one.is_significant:
        more = "more" if value > 0 else "less"
        p_value = f"p after Holm {one.p_holm:.2g}"
        return f"{smooth} is {more} robust than {opponent} on {where}, by {size(one)} points; {p_value}."
    if max(abs(ends.low), abs(ends.high)) < NO_MATTER:
        return f"{smooth} and {opponent} do not differ on {where} by an amount that matters: {measured}."
    least = one.difference.estimate.smallest_detectable(ALPHA / one.family_size)
    return (
        f"Whether {smooth} is more robust than {opponent} on {where} cannot be told: {measured}. "
        f"{points(least)} points or more would have shown with 80% power."
    )


def limits(tests: Sequence[Comparison], again: Sequence[Comparison]) -> Iterator[str]:
    """Say where another size contradicts: the opposite sign, significantly, limits the answer to the first size.

    Args:
        tests: The primary tests.
        again: The same of the other size, in the same order.
    """
    for one, other in zip(tests, again, strict=True):
        if other.is_significant and sign(other) != sign(one):
            where = MEANS.get(one.score.name, one.score.title)
            yield f"The answer for {written_name(one.second.name)} on {where} is limited to this size."


def losses(family: Family, tests: Sequence[Comparison]) -> Iterator[str]:
    """Say where a family's methods have significantly higher errors, where lower, and how often neither shows.

    One sentence for each side that the method is compared with, or one for all if there is a single score.
    """
    first, is_single = written_name(family.method), len(family.metrics) == 1
    groups = [tests] if is_single else [[t for t in tests if t.second.name == name] for name in family.against]
    for mine in groups:
        who = first if is_single else written_name(mine[0].second.name)
        said = []
        for word in ("higher", "lower"):
            # With one score the first side is spoken of, else the second.
            wanted = 1 if (word == "higher") == is_single else -1
            found = [one for one in mine if one.is_significant and sign(one) == wanted]
            names = [written_name(one.second.name) if is_single else one.score.title for one in found]
            listed = ", ".join(f"{name} by {size(one)}" for name, one in zip(names, found, strict=True))
            said += (
                [f"{word} error than {listed}" if is_single else f"{word} error than {first} on {listed}"]
                if found
                else []
            )
        rest = sum(not one.is_significant for one in mine)
        said += [f"no significant difference in {rest} of {len(mine)} tests"] if rest else []
        yield f"{family.title}, {who}: {'; '.join(said)}."


def sign(one: Comparison) -> int:
    """Return 1 if the second side has the lower error, else -1."""
    return 1 if one.difference.estimate.value > 0 else -1


def size(one: Comparison) -> str:
    """Write how large a difference is, with its interval, whichever side it favours."""
    ends = sorted((sign(one) * one.interval.low, sign(one) * one.interval.high))
    return f"{points(abs(one.difference.estimate.value))} ({points(ends[0])} to {points(ends[1])})"
