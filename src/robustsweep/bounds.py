"""Bounds of numbers, stated beside their types in the fields of a dataclass."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from robustsweep.errors import UsageError


@dataclass(frozen=True, slots=True)
class Bound:
    """Which values a field may have, in ``Annotated``.

    Attributes:
        expected: The same in words, for the error: ``"positive"``.
        allows: Whether it may have a value.
    """

    expected: str
    allows: Callable[[Any], bool]


def between(low: float, high: float) -> Bound:
    """Allow both ends and what lies between."""
    return Bound(f"in [{low:g}, {high:g}]", lambda value: low <= value <= high)


_POSITIVE = Bound("positive", lambda value: 0 < value < math.inf)
_NOT_NEGATIVE = Bound("at least 0", lambda value: 0 <= value < math.inf)
Positive = Annotated[float, _POSITIVE]
NotNegative = Annotated[float, _NOT_NEGATIVE]
PositiveCount = Annotated[int, Bound("at least 1", lambda value: value >= 1)]
Count = Annotated[int, _NOT_NEGATIVE]
Share = Annotated[float, between(0, 1)]
PositiveShare = Annotated[float, Bound("in (0, 1]", lambda value: 0 < value <= 1)]
ShareBelowOne = Annotated[float, Bound("in [0, 1)", lambda value: 0 <= value < 1)]


def check_fields(item: Any, what: str) -> None:
    """Hold the fields of a dataclass against their bounds, and against the choices of a ``Literal``.

    Args:
        item: The dataclass.
        what: What it is, for the error.

    Raises:
        UsageError: Naming the first field that does not fit.
    """
    hints = get_type_hints(type(item), include_extras=True)
    for name in (field.name for field in fields(item)):
        value, kind, arguments = getattr(item, name), get_origin(hints[name]), get_args(hints[name])
        bound = arguments[1] if kind is Annotated else None
        if kind is Literal:
            bound = Bound(f"one of {', '.join(arguments)}", arguments.__contains__)
        if isinstance(bound, Bound) and not bound.allows(value):
            raise UsageError(f"{what}: {name} must be {bound.expected}, got {value!r}.")
