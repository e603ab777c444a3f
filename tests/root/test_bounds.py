import math
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from robustsweep.bounds import (
    Count,
    Positive,
    PositiveCount,
    PositiveShare,
    Share,
    ShareBelowOne,
    between,
    check_fields,
)
from robustsweep.errors import UsageError


@dataclass(frozen=True)
class Item:
    """One field for each bound."""

    positive: Positive = 1.0
    count: Count = 0
    at_least_one: PositiveCount = 1
    share: Share = 0.0
    positive_share: PositiveShare = 1.0
    below_one: ShareBelowOne = 0.0
    limited: Annotated[float, between(0.1, 10)] = 0.1
    choice: Literal["a", "b"] = "a"
    anything: str = ""


def test_the_ends_that_are_allowed_are_taken() -> None:
    check_fields(Item(), "It")
    check_fields(Item(share=1.0, limited=10, choice="b"), "It")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"positive": 0.0}, "It: positive must be positive, got 0.0."),
        ({"positive": math.inf}, "It: positive must be positive, got inf."),
        ({"count": -1}, "It: count must be at least 0, got -1."),
        ({"at_least_one": 0}, "It: at_least_one must be at least 1, got 0."),
        ({"share": 1.5}, "It: share must be in [0, 1], got 1.5."),
        ({"share": math.nan}, "It: share must be in [0, 1], got nan."),
        ({"positive_share": 0.0}, "It: positive_share must be in (0, 1], got 0.0."),
        ({"below_one": 1.0}, "It: below_one must be in [0, 1), got 1.0."),
        ({"limited": 0.05}, "It: limited must be in [0.1, 10], got 0.05."),
        ({"choice": "c"}, "It: choice must be one of a, b, got 'c'."),
        ({"choice": ["a"]}, "It: choice must be one of a, b, got ['a']."),
    ],
)
def test_a_value_beyond_a_bound_is_named(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_fields(Item(**values), "It")
    assert str(caught.value) == sentence
