"""The parts of a corruption: a name, five rows of constants per table, a sampler and a formula."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from robustsweep.corruptions.tables import SEVERITIES, TABLES, check_table, table_for
from robustsweep.draws import Draws
from robustsweep.errors import UsageError
from robustsweep.registry import Registry

Parameters = tuple[float, ...]
Fields = tuple[Tensor, ...]
Shape = tuple[int, int, int]


def no_fields(draws: Draws, shape: Shape, parameters: Parameters) -> Fields:
    """Sampler of the corruptions that use no randomness."""
    return ()


@dataclass(frozen=True, slots=True)
class Corruption:
    """A corruption.

    Sampling is split from applying, so that a test can pass any random fields to the formula.

    Attributes:
        name: Name as in the published file names, such as ``"gaussian_noise"``.
        apply: ``apply(images, parameters, fields)`` maps uint8 images (N, 3, H, W), contiguous, to uint8 images of the
            same shape, by way of ``levels.truncate`` if it computes in floats; the input is left untouched.
        severities: For each table that has constants five rows of parameters, severity 1 first.
        source: Where the definition comes from.
        sample: ``sample(draws, shape, parameters)`` draws the random fields for images of shape (3, H, W): tensors
            whose first dimension is the batch.
        libraries: What else than PyTorch and NumPy shapes its pixels, whose version is part of what a cell is named by:
            ``"jpeg"`` (the decoder of image files), ``"opencv"``, or the name of an installed distribution.
    """

    name: str
    apply: Callable[[Tensor, Parameters, Fields], Tensor]
    severities: Mapping[str, tuple[Parameters, ...]]
    source: str
    sample: Callable[[Draws, Shape, Parameters], Fields] = field(default=no_fields)
    libraries: tuple[str, ...] = ()

    def parameters(self, table: str, severity: int) -> Parameters:
        """Look up the constants of one severity.

        Raises:
            UsageError: If the table is unknown or has no constants, or the severity is not an integer from 1 to 5.
        """
        check_table(table)
        if isinstance(severity, bool) or not isinstance(severity, int) or severity not in SEVERITIES:
            raise UsageError(f"A severity is an integer from 1 to 5, not {severity!r}.")
        if table not in self.severities:
            tables = " or ".join(self.severities)
            raise UsageError(
                f"{self.name} has no severities in the table {table}: none are published. Ask for the table {tables}."
            )
        return self.severities[table][severity - 1]

    def nearest_table(self, height: int, width: int) -> str:
        """Choose the table for an image size among those that have constants, see ``table_for``."""
        return table_for(height, width, [table for table in TABLES if table in self.severities])


Row = float | Sequence[float]


def severities(
    *, cifar: Sequence[Row] = (), tiny: Sequence[Row] = (), imagenet: Sequence[Row] = (), inception: Sequence[Row] = ()
) -> dict[str, tuple[Parameters, ...]]:
    """Write a corruption's constants down, a single number standing for a row of one; empty tables are left out."""

    def rows(table: Sequence[Row]) -> tuple[Parameters, ...]:
        return tuple((float(row),) if isinstance(row, int | float) else tuple(map(float, row)) for row in table)

    tables = {"cifar": cifar, "tiny": tiny, "imagenet": imagenet, "inception": inception}
    return {name: rows(table) for name, table in tables.items() if table}


CORRUPTIONS: Registry[Corruption] = Registry("corruption", Corruption)
