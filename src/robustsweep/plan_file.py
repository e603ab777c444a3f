"""Plan files: one TOML file that says what is trained, swept and compared."""

from pathlib import Path
from typing import Any

from robustsweep.errors import DataError, UsageError
from robustsweep.untrusted.files import read_toml
from robustsweep.values import check_plain

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
    try:
        content = read_toml(path)
    except DataError as error:
        raise UsageError(f"The {noun} {error}") from error
    check_plain(content, f"The {noun} {path}")
    return content
