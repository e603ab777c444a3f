"""Plan files: one TOML file that says what is trained, swept and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from robustsweep.errors import DataError, UsageError
from robustsweep.untrusted.files import read_toml
from robustsweep.values import check_plain, typed, typed_values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

TABLES = ("train", "compare")
"""Tables of a plan; all its other keys belong to the sweep."""


def read_plan(path: Path, noun: str = "plan") -> dict[str, Any]:
    """Read a TOML file that a user wrote, as it stands.

    Args:
        path: The file.
        noun: What it is called in errors.

    Raises:
        UsageError: If it cannot be read, is not TOML, or holds a value that nothing can take.
    """
    if not path.exists():
        raise UsageError(f"The {noun} {path} does not exist; give the path of a TOML file.")
    try:
        content = read_toml(path)
    except DataError as error:
        raise UsageError(f"The {noun} {error}") from error
    check_plain(content, f"The {noun} {path}")
    return content


def merged(request: R, values: Mapping[str, Any], where: str, beside: Sequence[str] = ()) -> R:
    """Replace the fields of a request that a plan gives; None means not given.

    Args:
        request: A dataclass; its fields are annotated as ``typed`` reads them.
        values: By field.
        where: What gives them, for errors: such as ``"The plan sweep.toml"``.
        beside: Keys that others read.

    Raises:
        UsageError: If a key is unknown, or a value has the wrong type or is out of range.
    """
    hints = get_type_hints(type(request), include_extras=True) | dict.fromkeys(beside)
    given = {key: value for key, value in values.items() if value is not None}
    changes = typed_values(given, hints, f"key of {where[0].lower()}{where[1:]}", where)
    return replace(request, **{key: value for key, value in changes.items() if key not in beside})


def with_options(request: R, options: Mapping[str, Any]) -> R:
    """Replace the fields of a request that options of the command line give; None means not given.

    Args:
        request: As in ``merged``.
        options: By field; ``batch_size`` is ``--batch-size``.

    Raises:
        UsageError: If a value is out of range.
    """
    hints = get_type_hints(type(request), include_extras=True)
    given = {field: value for field, value in options.items() if value is not None}
    changes = {field: typed(value, hints[field], f"--{field.replace('_', '-')}") for field, value in given.items()}
    return replace(request, **changes)
