"""Requests for the paper's table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name

Spread = Literal["sd", "interval"]

_MOST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class PaperRequest:
    """The shape of the paper's table.

    Attributes:
        columns: Names of scores, in order; none: the mean corruption error, the clean error and the groups.
        digits: Decimals of percentages; other numbers have one more.
        spread: What stands behind a mean: the standard deviation over training seeds, or the 95% interval.
        against: Method whose differences to the others are shown; None: CutMix, else the baseline.
    """

    columns: tuple[str, ...] = ()
    digits: int = 1
    spread: Spread = "sd"
    against: str | None = None


def paper_request(
    columns: Sequence[str] = (), digits: int | None = None, spread: str | None = None, against: str | None = None
) -> PaperRequest:
    """Check what was asked for.

    Args:
        columns: See ``PaperRequest``, like all that follow; a name that is there twice counts once.
        digits: None: not given.
        spread: None: not given.
        against: None: not given.

    Raises:
        UsageError: If a number or a name is none that the table can have.
    """
    names = tuple(dict.fromkeys(name.strip() for name in columns))
    if not all(names):
        raise UsageError("A column has no name; separate names of scores by single commas: clean_error,fog_error.")
    default = PaperRequest()
    digits = default.digits if digits is None else digits
    if not 0 <= digits <= _MOST_DIGITS:
        raise UsageError(f"The paper's table shows 0 to {_MOST_DIGITS} digits after the point, got {digits}.")
    for known in get_args(Spread):
        if known == (spread or default.spread):
            return PaperRequest(names, digits, known, against)
    raise unknown_name("spread", str(spread), list(get_args(Spread)))
