"""JSON as the standard has it, of bounded numbers and depth."""

import json
import math
from typing import Any, NoReturn

import numpy as np

MOST_DEPTH = 64
"""No JSON document that is read is nested deeper: whatever walks through it, or writes it again, calls itself."""
MOST_CONTAINERS = 2_000_000
"""No JSON document holds more lists and objects, which take thirty times the memory of their text."""
_MOST_DIGITS = 20
_BRACKETS = np.zeros(256, np.int8)
_BRACKETS[list(b"[{")], _BRACKETS[list(b"]}")] = 1, -1


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return number


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS or not -(1 << 63) <= (number := int(text)) < 1 << 63:
        raise ValueError(f"{text[:20]} is a whole number of more than 64 bits")
    return number


def strict_json(content: bytes | str) -> Any:
    """Parse JSON without NaN, Infinity, numbers beyond 64 bits, half characters, and deep nesting.

    Raises:
        ValueError: If it is not such JSON.
        RecursionError: If it is nested too deeply even to be parsed.
    """
    text = content.encode() if isinstance(content, str) else content
    if text.count(b"[") + text.count(b"{") > MOST_CONTAINERS:
        raise ValueError(f"it has more than {MOST_CONTAINERS} lists and objects")
    value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
    if _may_be_deep(text) and _depth(value) > MOST_DEPTH:
        raise ValueError(f"it is nested more than {MOST_DEPTH} levels deep")
    if b"\\ud" in text or b"\\uD" in text:  # half of a character, which no file can be written with
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _may_be_deep(text: bytes) -> bool:
    """Say whether brackets, those within strings among them, open more levels than are read."""
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return False
    steps = _BRACKETS[np.frombuffer(text, np.uint8)]
    return int(np.cumsum(steps[steps != 0], dtype=np.int32).max()) > MOST_DEPTH


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth
