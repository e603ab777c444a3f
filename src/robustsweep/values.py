"""Values that users write or pass, held against what they are for."""

import math
import numbers
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from robustsweep.errors import RobustsweepError, UsageError
from robustsweep.registry import unknown_name

SEEDS = (-(1 << 63), (1 << 63) - 1)
"""The least and the greatest seed."""
Seed = Annotated[int, range(SEEDS[0], SEEDS[1] + 1)]
Many = Annotated[int, range(1, 1_000_000_000)]
Workers = Annotated[int, range(1, 1001)]
_DEEPEST = 20
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
_ITEMS = {int: "whole numbers", float: "numbers", str: "strings"}


def check_plain(value: Any, what: str) -> None:
    """Refuse what no parameter can be, so that what comes later may print, store and compare any value.

    Args:
        value: What JSON or TOML gave, or what is to be written so.
        what: Where it stands, for the error.

    Raises:
        UsageError: If it is nested too deeply, or holds a number that is not finite or needs more than 64 bits, or a
            text that no name or path can be.
    """
    left = [(value, 0)]
    while left:
        item, depth = left.pop()
        if depth > _DEEPEST:
            raise UsageError(f"{what} is nested more than {_DEEPEST} levels deep; write it flatter.")
        if isinstance(item, dict):
            left += [(inner, depth + 1) for pair in item.items() for inner in pair]
        elif isinstance(item, list | tuple):
            left += [(inner, depth + 1) for inner in item]
        elif isinstance(item, str):
            check_text(item, what)
        elif isinstance(item, float) and not math.isfinite(item):
            raise UsageError(f"{what} holds {item}; write a finite number.")
        elif isinstance(item, int) and not SEEDS[0] <= item <= SEEDS[1]:
            raise UsageError(f"{what} holds a whole number of more than 64 bits; write a smaller one.")


def check_text(text: str, what: str) -> None:
    """Refuse a text that no name or path can be.

    Raises:
        UsageError: If it holds the character NUL or is not a Unicode text.
    """
    if "\0" in text:
        raise UsageError(f"{what} holds {text!r}, and no name or path can hold the character NUL.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"{what} holds {text!r}, which is not text in UTF-8; rename the file, or correct it.")


def whole(value: int, what: str, low: int, high: int) -> int:
    """Hold a whole number against its range.

    Raises:
        UsageError: If it lies outside.
    """
    if not low <= value <= high:
        # Python refuses to write very long numbers.
        shown = f"{value}" if SEEDS[0] <= value <= SEEDS[1] else "one of more than 64 bits"
        bound = f"{low} or more" if value < low else f"at most {high}"
        raise UsageError(f"{what} must be {bound}, got {shown}.")
    return value


def typed(value: Any, hint: Any, what: str) -> Any:
    """Check a value that JSON or TOML gave.

    Args:
        value: The value.
        hint: What it must be: ``bool``, ``int``, ``float`` or ``str``, a ``Literal`` of some, or ``Annotated`` with the
            ``range`` of a whole number; any of these or None; or a ``tuple`` or ``Sequence`` of any, which a list or a
            tuple may give. Of anything else nothing is checked.
        what: What it is, for the error.

    Returns:
        The value; a whole number if a float is wanted as a float, a list as a tuple.

    Raises:
        UsageError: If it is of another type, none of the literal's values, or out of its range.
    """
    origin, kinds = get_origin(hint), get_args(hint)
    if origin in (tuple, Sequence):
        if not isinstance(value, list | tuple):
            items = f" of {_ITEMS[kinds[0]]}" if kinds[0] in _ITEMS else ""
            raise UsageError(f"{what} must be a list{items}, got {value!r}.")
        return tuple(typed(item, kinds[0], f"{what}[{place}]") for place, item in enumerate(value))
    if origin in (Union, UnionType):
        return None if value is None and NoneType in kinds else typed(value, kinds[0], what)
    if origin is Annotated:
        number = typed(value, kinds[0], what)
        return whole(number, what, kinds[1][0], kinds[1][-1]) if isinstance(kinds[1], range) else number
    kind = type(kinds[0]) if origin is Literal else hint
    if kind is float and type(value) is int:
        return float(value)
    if kind in _KINDS and type(value) is not kind:
        raise UsageError(f"{what} must be {_KINDS[kind]}, got {value!r}.")
    if origin is Literal and value not in kinds:
        raise UsageError(f"{what} must be one of {', '.join(map(str, kinds))}, got {value!r}.")
    return value


def typed_values(values: Mapping[str, Any], hints: Mapping[str, Any], noun: str, where: str) -> dict[str, Any]:
    """Check named values, each as ``typed`` does.

    Args:
        values: What JSON, TOML or the command line gave, by name.
        hints: What each must be, by every name that there is.
        noun: What a name is, for the error: such as ``"key of the recipe r.toml"``.
        where: Where the values stand, for the error: such as ``"The recipe r.toml"``.

    Raises:
        UsageError: If a name is unknown, or a value of another type.
    """
    for name in values:
        if name not in hints:
            raise unknown_name(noun, name, list(hints))
    return {name: typed(value, hints[name], f"{where}: {name}") for name, value in values.items()}


def separated(several: str | Sequence[str]) -> list[str]:
    """Return names as a list; several in one string are separated by commas."""
    return [name.strip() for name in several.split(",")] if isinstance(several, str) else list(several)


def require_kind(
    value: object, kind: type | UnionType, expected: str, *, hint: str = "", error: type[RobustsweepError] = UsageError
) -> None:
    """Refuse an argument of another type.

    Args:
        value: The argument.
        kind: What it must be an instance of.
        expected: What it must be, with its name, for the error: such as ``"Images must be a tensor"``.
        hint: How to fix it; empty for nothing to add.
        error: The error to raise.

    Raises:
        RobustsweepError: ``error``, saying what was expected and what came.
    """
    if not isinstance(value, kind):
        came = "None" if value is None else f"{type(value).__module__}.{type(value).__qualname__}"
        raise error(f"{expected}, got {came.removeprefix('builtins.')}{f'; {hint}' if hint else ''}.")


def whole_number(value: object, what: str) -> int:
    """Return a whole number of any library's type as an int.

    Raises:
        UsageError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise UsageError(f"{what} must be a whole number, got {value!r}.")
    return int(value)
