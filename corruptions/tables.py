"""The four sets of severity constants, and which one belongs to an image size.

Each corruption holds its own five rows per set, next to the formula that reads them; here are only the sets' names,
the image side each was tuned for, and where its numbers come from.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from robustsweep.errors import UsageError
from robustsweep.values import whole_number

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class SeverityTable:
    """One published set of severity constants.

    Attributes:
        name: What users call it.
        side: Side in pixels of the square images it was tuned for.
        source: The generator script that holds its numbers.
    """

    name: str
    side: int
    source: str


_SCRIPTS = "github.com/hendrycks/robustness, ImageNet-C/create_c"

TABLES: dict[str, SeverityTable] = {
    table.name: table
    for table in (
        SeverityTable("cifar", 32, f"{_SCRIPTS}/make_cifar_c.py"),
        SeverityTable("tiny", 64, f"{_SCRIPTS}/make_tinyimagenet_c.py (equal to make_imagenet_64_c.py)"),
        SeverityTable("imagenet", 224, f"{_SCRIPTS}/make_imagenet_c.py"),
        SeverityTable("inception", 299, f"{_SCRIPTS}/make_imagenet_c_inception.py"),
    )
}


def table_for(height: int, width: int, among: Iterable[str] | None = None) -> str:
    """Choose the severity table for an image size.

    The rule: the table whose side (32, 64, 224 or 299 pixels) is nearest to the image's shorter side; of two equally
    near ones, the smaller.

    Args:
        height: In pixels.
        width: In pixels.
        among: Tables to choose from; None: all.

    Returns:
        ``"cifar"``, ``"tiny"``, ``"imagenet"`` or ``"inception"``.
    """
    side = min(whole_number(height, "height"), whole_number(width, "width"))
    return min(TABLES if among is None else among, key=lambda name: abs(TABLES[name].side - side))


def check_table(name: str) -> None:
    """Refuse a table that does not exist.

    Raises:
        UsageError: If ``name`` is not in ``TABLES``.
    """
    if name not in list(TABLES):
        raise UsageError(f"Unknown severity table {name!r}; choose one of {', '.join(TABLES)}.")
