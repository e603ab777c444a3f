"""The comma form in which data and checkpoints are named on the command line: ``TARGET,key=value,...``."""

import math
from dataclasses import dataclass

from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name

_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed specification.

    Attributes:
        text: What the user wrote.
        target: What stands before the first comma.
        options: The keys and values after it.
    """

    text: str
    target: str
    options: dict[str, str]

    def scheme(self, known: tuple[str, ...]) -> tuple[str | None, str]:
        """Split ``scheme:rest`` if the scheme is known; otherwise the scheme is None."""
        head, colon, rest = self.target.partition(":")
        return (head, rest) if head in known and colon else (None, self.target)


def parse_spec(
    text: str, *, noun: str, keys: tuple[str, ...], open_ended: str | None = None, nested: bool = False
) -> Spec:
    """Parse the comma form.

    Args:
        text: What the user wrote.
        noun: What is specified, for messages.
        keys: The keys that are allowed.
        open_ended: A key whose value is everything that follows, commas included.
        nested: Whether commas within brackets, braces or double quotes belong to the value.

    Raises:
        UsageError: If a part is not ``key=value``, or a key is unknown or given twice.
    """
    target, _, rest = text.partition(",")
    if not target.strip():
        raise UsageError(f"A {noun} spec starts with what it names, got {text!r}.")
    options: dict[str, str] = {}
    while rest := rest.lstrip():
        if open_ended and rest.startswith(f"{open_ended}="):
            part, rest = rest, ""
        else:
            end = _end_of_part(rest) if nested else len(rest.partition(",")[0])
            part, rest = rest[:end], rest[end + 1 :]
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise UsageError(f"{noun} spec {text!r}: expected key=value after the comma, got {part!r}.")
        if key not in keys:
            raise unknown_name(f"key of a {noun} spec", key, list(keys))
        if key in options:
            raise UsageError(f"{noun} spec {text!r} gives {key}= twice.")
        options[key] = value
    return Spec(text, target.strip(), options)


def _end_of_part(text: str) -> int:
    """Return where the first comma outside brackets, braces and double quotes stands, or the text ends."""
    depth, is_quoted = 0, False
    for place, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (character in "[{") - (character in "]}")
            if character == "," and depth <= 0:
                return place
    return len(text)


def positive_int(value: str, what: str) -> int:
    """Read a positive integer.

    Raises:
        UsageError: If it is none.
    """
    number = whole_number(value, what)
    if number < 1:
        raise UsageError(f"{what} must be a positive integer, got {value!r}.")
    return number


def whole_number(value: str, what: str) -> int:
    """Read an integer from 0 to 999 999 999.

    Raises:
        UsageError: If it is none.
    """
    if not value.isascii() or not value.isdigit() or len(value) > _MOST_DIGITS:
        raise UsageError(f"{what} must be a whole number of at most {_MOST_DIGITS} digits, got {value[:40]!r}.")
    return int(value)


def share(value: str, what: str) -> float:
    """Read a number in [0, 1].

    Raises:
        UsageError: If it is none.
    """
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise UsageError(f"{what} must be a number from 0 to 1, such as 0.926, got {value[:40]!r}.")
    return number
