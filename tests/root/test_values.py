from collections.abc import Sequence
from typing import Any, Literal

import pytest

from robustsweep.errors import UsageError
from robustsweep.values import typed


@pytest.mark.parametrize(
    ("value", "hint", "wanted"),
    [
        (2, float, 2.0),
        (2, int, 2),
        (False, bool, False),
        ("x", str, "x"),
        (None, float | None, None),
        (2, float | None, 2.0),
        ("no such choice", Literal["a", "b"], "no such choice"),
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
        ("False", bool, "it must be of type bool, got 'False'"),
        (1, bool, "it must be of type bool, got 1"),
        (True, int, "it must be of type int, got True"),
        (2.5, int, "it must be of type int, got 2.5"),
        (True, float, "it must be of type float, got True"),
        (None, float, "it must be of type float, got None"),
        ("1", int | None, "it must be of type int, got '1'"),
        (1, Literal["a", "b"], "it must be of type str, got 1"),
        ("ab", Sequence[str], "it must be a list of texts, got 'ab'"),
        ([1, "2"], tuple[float, ...], "it must be of type float, got '2'"),
        ({}, Sequence[dict[str, Any]], "it must be a list, got {}"),
    ],
)
def test_a_value_of_another_type_is_refused(value: object, hint: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        typed(value, hint, "it")
    assert str(caught.value) == f"{sentence}."
