"""Records of what a pickle asks to import or to call; it is read without running anything."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A name that a pickle asks to import, such as ``"os.system"``."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What a pickle asks to have made by a call.

    Attributes:
        name: What it asks to call.
        arguments: With what.
    """

    name: str
    arguments: tuple[Any, ...] = ()


Maker = Callable[..., Any]
"""Takes the arguments of a call, of any number and kind, and returns what stands for its result."""


def safe_items(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Make a dict of the pairs whose keys are numbers of at most 64 bits, strings, bytes or None.

    Others are dropped, because hashing nested tuples or long numbers can take forever.
    """
    return {key: value for key, value in pairs if _is_key(key)}


def _is_key(key: Any) -> bool:
    if isinstance(key, int):
        return -(1 << 63) <= key < 1 << 63
    return key is None or isinstance(key, str | float | bytes)
