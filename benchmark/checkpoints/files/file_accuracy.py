"""The accuracy that a training script stored beside the weights."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SET = r"(test_|val_|valid_|eval_)?"
_ACCURACY = re.compile(rf"(best_)?{_SET}((acc(uracy)?|prec)_?@?1?|top_?@?1(_acc(uracy)?)?)", re.IGNORECASE)
_ERROR = re.compile(rf"(best_)?{_SET}(top_?@?1_?)?err(or)?_?@?1?", re.IGNORECASE)
_BEST = "best"


@dataclass(frozen=True, slots=True)
class FileAccuracy:
    """What a file says of its own accuracy.

    Attributes:
        entry: The entry that says it, such as ``"best_acc1"``.
        value: The number as it stands there.
        readings: What it can mean, each an accuracy in [0, 1]: an error of 0.8 is a share or a percentage.
    """

    entry: str
    value: float
    readings: tuple[float, ...]


def find_accuracy(content: Any, number_of: Callable[[Any], float | None]) -> FileAccuracy | None:
    """Find the accuracy among the entries of a saved dict.

    An entry about these weights goes before one about the best epoch, which they need not be of.

    Args:
        content: What the file holds.
        number_of: Reads a value that may be a number.
    """
    if not isinstance(content, dict):
        return None
    found = [
        stated
        for entry, value in content.items()
        if isinstance(entry, str) and (stated := _stated(entry, value, number_of, is_timm="arch" in content))
    ]
    return min(found, key=lambda stated: stated.entry.lower().startswith(_BEST), default=None)


def _stated(entry: str, value: Any, number_of: Callable[[Any], float | None], *, is_timm: bool) -> FileAccuracy | None:
    is_error = _ERROR.fullmatch(entry) is not None
    # timm calls the top-1 accuracy by the name of whatever it selects epochs by.
    if not is_error and not _ACCURACY.fullmatch(entry) and not (is_timm and entry == "metric"):
        return None
    number = number_of(value)
    if number is None or not math.isfinite(number) or not 0 < number <= 100:
        return None
    if is_error:
        readings = (1 - number / 100, 1 - number) if number <= 1 else (1 - number / 100,)
    else:
        readings = (number,) if number <= 1 else (number / 100,)
    return FileAccuracy(entry, number, readings)
