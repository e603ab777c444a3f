from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest

from robustsweep.errors import UsageError
from robustsweep.values import Seed, typed, typed_values


@pytest.mark.parametrize(
    ("value", "hint", "wanted"),
    [
        (2, float, 2.0),
        (2, int, 2),
        (False, bool, False),
        ("x", str, "x"),
        (None, float | None, None),
        (2, float | None, 2.0),
        ("b", Literal["a", "b"], "b"),
        (None, Literal["a", "b"] | None, None),
        (3, Annotated[int, range(1, 4)] | None, 3),
        ([1, 2.5], tuple[float, ...], (1.0, 2.5)),
        (("a", "b"), Sequence[str], ("a", "b")),
        ([{"a": 1}], Sequence[dict[str, Any]], ({"a": 1},)),
    ],
)
def test_a_value_of_its_type_is_taken(value: object, hint: Any, wanted: object) -> None:
    found = typed(value, hint, "it")
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("value", "hint", "sentence"),
    [
        ("False", bool, "it must be true or false, got 'False'"),
        (1, bool, "it must be true or false, got 1"),
        (True, int, "it must be a whole number, got True"),
        (2.5, int, "it must be a whole number, got 2.5"),
        (True, float, "it must be a number, got True"),
        (None, float, "it must be a number, got None"),
        ("1", int | None, "it must be a whole number, got '1'"),
        (1, Literal["a", "b"], "it must be a string, got 1"),
        ("c", Literal["a", "b"], "it must be one of a, b, got 'c'"),
        (0, Annotated[int, range(1, 4)] | None, "it must be 1 or more, got 0"),
        (4, Annotated[int, range(1, 4)], "it must be at most 3, got 4"),
        (1 << 70, Seed, "it must be at most 9223372036854775807, got one of more than 64 bits"),
        ("4", Annotated[int, range(1, 4)], "it must be a whole number, got '4'"),
        ("ab", Sequence[str], "it must be a list of strings, got 'ab'"),
        ([1, "2"], tuple[float, ...], "it[1] must be a number, got '2'"),
        ({}, Sequence[dict[str, Any]], "it must be a list, got {}"),
    ],
)
def test_a_value_of_another_type_is_refused(value: object, hint: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        typed(value, hint, "it")
    assert str(caught.value) == f"{sentence}."


def test_values_are_taken_by_name() -> None:
    hints = {"first": float, "second": str}
    assert typed_values({"first": 1}, hints, "key of it", "It") == {"first": 1.0}
    with pytest.raises(UsageError, match=r"Unknown key of it 'frist'; did you mean 'first'\? Known: first, second\."):
        typed_values({"frist": 1}, hints, "key of it", "It")
    with pytest.raises(UsageError, match=r"It: second must be a string, got 2\."):
        typed_values({"first": 1, "second": 2}, hints, "key of it", "It")
