"""The paper's table as data."""

from dataclasses import dataclass

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.seed_groups import SeedGroup
from robustsweep.results.report.paper.request import Spread
from robustsweep.results.report.paper.scores import Ends
from robustsweep.results.tables.table import Column


@dataclass(frozen=True, slots=True)
class PaperCell:
    """One score of one method.

    Attributes:
        value: Mean over training seeds; None is missing.
        deviation: Standard deviation over the seeds; None for one seed.
        interval: Of the mean; None if there is none.
        is_best: Whether it is the best of its column.
        is_tied: Whether it does not differ significantly from the best.
        difference: To the method that all are held against; None for itself and if nothing can be said.
        is_tested: Whether that difference can be significant: both methods have seeds enough, or all have one.
        is_significant: Whether it is.
    """

    value: float | None
    deviation: float | None
    interval: Ends | None
    is_best: bool = False
    is_tied: bool = False
    difference: float | None = None
    is_tested: bool = False
    is_significant: bool = False


@dataclass(frozen=True, slots=True)
class PaperColumn:
    """One score: its name, its header, its unit and direction, and a cell per method."""

    name: str
    title: str
    column: Column
    cells: tuple[PaperCell, ...]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """Methods by scores.

    Attributes:
        slug: File name without ending.
        unit: Whose numbers these are.
        groups: The methods, in order.
        columns: The scores.
        digits: Decimals of percentages.
        spread: What stands behind a mean.
        against: Position of the method that all are held against; None: there is none.
        n_tests: Differences that Holm's procedure is applied over.
        notes: Sentences that belong to the numbers.
    """

    slug: str
    unit: Unit
    groups: tuple[SeedGroup, ...]
    columns: tuple[PaperColumn, ...]
    digits: int
    spread: Spread
    against: int | None
    n_tests: int
    notes: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """The methods' names as their papers write them."""
        return [group.title for group in self.groups]
