"""Plan files: one TOML file that says what is trained, swept and compared."""

import tomllib
from pathlib import Path
from typing import Any

from robustsweep.errors import UsageError

TABLES = ("train", "compare")
"""Tables of a plan; all its other keys belong to the sweep."""


def read_plan(path: Path) -> dict[str, Any]:
    """Read a TOML plan as it stands.

    Raises:
        UsageError: If it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The plan {path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The plan {path} is not TOML ({error}).") from error
