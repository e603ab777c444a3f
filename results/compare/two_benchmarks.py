"""The order of two methods on C and on C-bar: whether both benchmarks say the same, and what the data can carry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.sides import Side
from robustsweep.results.compare.paired_scores import Comparison
from robustsweep.results.compare.wording import lower_side, reach
from robustsweep.results.metrics.benchmarks import BENCHMARKS, C_BARS, C
from robustsweep.results.metrics.estimates import MOST_COMPARED, Estimates
from robustsweep.results.statistics.families import holm
from robustsweep.results.statistics.intervals import ALPHA
from robustsweep.results.statistics.seeds import FEWEST_SEEDS
from robustsweep.results.tables.table import METHOD, Column, Table, Value, subject_column

_MOST_NAMED = 3
_NOTE = (
    "Differences: first minus second, in percentage points, with 95% intervals, paired by image. An order is shown if "
    "the differences on both benchmarks are significant: p is the larger of the two, by Holm over the pairs."
)


@dataclass(frozen=True, slots=True)
class Order:
    """Two methods or checkpoints on C and on one C-bar.

    Attributes:
        benchmark: What the C-bar is called.
        on_c: Their mean errors over C.
        on_c_bar: Their mean errors over the C-bar.
        p_holm: Two-sided p value of "they do not differ on both", the larger of the two after Holm over all pairs; None
            if seeds are too few for a test.
        n_pairs: How many pairs there are.
    """

    benchmark: str
    on_c: Comparison
    on_c_bar: Comparison
    p_holm: float | None
    n_pairs: int

    @property
    def is_opposite(self) -> bool:
        """Whether the means are in opposite order, be it shown or not."""
        return self.on_c.difference.estimate.value * self.on_c_bar.difference.estimate.value < 0

    @property
    def is_shown(self) -> bool:
        """Whether the two differ significantly on both benchmarks."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def reading(self) -> str:
        """Say in a few words what the data say."""
        if self.is_shown:
            return "opposite order" if self.is_opposite else "same order"
        return f"no finding: {self._why_not()}"

    def sentence(self) -> str:
        """Say who is better on which benchmark and by how much, and whether that is a finding."""
        sides = (self.on_c.first.name, self.on_c.second.name)
        (on_c, by), (on_c_bar, by_bar) = lower_side(self.on_c), lower_side(self.on_c_bar)
        said = f"{on_c} is better on C by {by}, {on_c_bar} on {self.benchmark} by {by_bar}"
        about = reach(self.on_c.difference, *sides)
        about = f"{about}: " if about else ""
        if self.is_shown:
            differs = "differs" if self.is_opposite else "is the same"
            return f"The order of {sides[0]} and {sides[1]} {differs} on C and {self.benchmark}: {about}{said}."
        means = "the means are in opposite order" if self.is_opposite else "the means are in the same order"
        lower = said.replace(" is better", " is lower", 1)
        return (
            f"Order of {sides[0]} and {sides[1]} on C and {self.benchmark}: {about}{means}, which is not a finding "
            f"({self._why_not()}): {lower}."
        )

    def _why_not(self) -> str:
        if self.p_holm is None:
            return f"not tested, for want of {FEWEST_SEEDS} seeds on both sides"
        both = ((C, self.on_c), (self.benchmark, self.on_c_bar))
        holding = [name for name, one in both if one.interval.low <= 0 <= one.interval.high]
        if not holding:
            return f"not significant on both after Holm over {self.n_pairs} pairs"
        return "both intervals include zero" if len(holding) > 1 else f"the interval on {holding[0]} includes zero"


def orders_among(comparisons: Sequence[Comparison], *, of_methods: bool = False) -> list[Order]:
    """Find the pairs of sides that were compared on C and on a C-bar.

    Args:
        comparisons: Of any scores and pairs.
        of_methods: Whether the result speaks of methods, so that one that was trained once is not tested.

    Returns:
        Benchmark by benchmark. Scores that were tested in a larger family count with the p values of that.
    """
    by_place = {(one.score.name, one.first, one.second): one for one in comparisons}
    orders = []
    for name, score in C_BARS.items():
        found = [
            (one, by_place[score.name, one.first, one.second])
            for one in comparisons
            if one.score.name == BENCHMARKS[C].name and (score.name, one.first, one.second) in by_place
        ]
        tested = [pair for pair in found if all(_is_tested(one, of_methods=of_methods) for one in pair)]
        adjusted = dict(zip(map(id, tested), holm([max(a.p, b.p) for a, b in tested]), strict=True))
        for pair in found:
            p = adjusted.get(id(pair))
            p = None if p is None else max(p, *(one.p_holm or 0.0 for one in pair))
            orders.append(Order(name, *pair, p, len(tested)))
    return orders


def _is_tested(one: Comparison, *, of_methods: bool) -> bool:
    return one.difference.is_tested and (one.difference.is_about_methods or not of_methods)


def orders_of(unit: Unit, estimates: Estimates) -> list[Order]:
    """Compare the rows of a set, methods or checkpoints, with each other on C and C-bar."""
    of_methods, found = unit.subject == "method", estimates.by_image
    sides = [Side(str(label), (str(i),), of_methods) for i, label in unit.checkpoints["label"].items()]
    compared = []
    for a, b in combinations(range(len(sides)), 2):
        for score in BENCHMARKS.values():
            if (score.name, a) in found and (score.name, b) in found:
                first, second = found[score.name, a], found[score.name, b]
                difference = first.minus(second)
                values = float(first.by_image.mean()), float(second.by_image.mean())
                p = difference.estimate.p_two_sided()
                compared.append(Comparison(score, sides[a], sides[b], values, difference, p))
    return orders_among(compared, of_methods=of_methods)


def orders_in_words(unit: Unit, orders: Sequence[Order], tables: Sequence[Table]) -> Iterator[str]:
    """Say of each C-bar on how many pairs it agrees with C, and name those on which it does not.

    Args:
        unit: The measurements.
        orders: As ``orders_of`` returns them.
        tables: Those of the set, which has one of C and C-bar if it measured both.
    """
    noun = f"{unit.subject}s"
    if not orders and len(unit.checkpoints) > MOST_COMPARED and any(one.slug == "c_and_c_bar" for one in tables):
        yield f"Order on C and C-bar: of more than {MOST_COMPARED} {noun} no pairs are tested here; compare tests them."
    for name in dict.fromkeys(order.benchmark for order in orders):
        mine = [order for order in orders if order.benchmark == name]
        if len(mine) == 1:
            yield _written(mine[0]).sentence()
            continue
        same = sum(one.is_shown and not one.is_opposite for one in mine)
        shown = [one for one in mine if one.is_shown and one.is_opposite]
        others = [one for one in mine if one.is_opposite and not one.is_shown]
        said = (
            f"Order of {noun} on C and {name}: of {len(mine)} pairs {same + len(shown)} differ significantly on both, "
            f"{same} in the same order and {len(shown)} in opposite order"
        )
        more = f"; by their means alone {len(others)} more are in opposite order, which is not a finding"
        said += more if others else ""
        yield f"{said}."
        named = [*shown[:_MOST_NAMED], *(others if len(others) < _MOST_NAMED else [])]
        yield from (_written(one).sentence() for one in named)


def _written(order: Order) -> Order:
    """Name methods as their papers write them."""

    def written(side: Side) -> Side:
        return replace(side, name=METHOD.shown(side.name)) if side.is_method else side

    on_c, on_c_bar = (
        replace(one, first=written(one.first), second=written(one.second)) for one in (order.on_c, order.on_c_bar)
    )
    return replace(order, on_c=on_c, on_c_bar=on_c_bar)


def order_table(unit: Unit, orders: Sequence[Order]) -> Table:
    """One row per pair and C-bar: both differences with their intervals, and what they say of the order."""
    columns = [replace(subject_column(unit), name=side, title=side) for side in ("first", "second")]
    columns.append(Column("benchmark", "C-bar"))
    for name, title in (("c", "on C"), ("c_bar", "on C-bar")):
        columns += [Column(f"difference_{name}", f"difference {title} (pp)", "percent")]
        columns += [Column(f"low_{name}", "95% from", "percent"), Column(f"high_{name}", "to", "percent")]
    columns += [Column("p_holm", "p (Holm)", "p_value"), Column("reading", "what the data say")]
    title = "Pairs on C and C-bar: differences of mean errors"
    rows = tuple(map(_row, orders))
    return Table("order_on_two_benchmarks", title, unit.scope, tuple(columns), rows, (_NOTE,), keys=3, depth="detail")


def _row(one: Order) -> tuple[Value, ...]:
    numbers = (
        value
        for side in (one.on_c, one.on_c_bar)
        for value in (side.difference.estimate.value, side.interval.low, side.interval.high)
    )
    return (one.on_c.first.name, one.on_c.second.name, one.benchmark, *numbers, one.p_holm, one.reading)
