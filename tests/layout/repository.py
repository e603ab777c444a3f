"""Where the layout tests look."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = ("augmentations", "training", "corruptions", "attacks", "benchmark", "results")


def setuptools_table() -> dict[str, object]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    table: dict[str, object] = document["tool"]["setuptools"]
    return table


def package_folders() -> dict[str, Path]:
    """Every folder with an ``__init__.py``, by the name it must be imported under."""
    found = {"robustsweep": ROOT / "src/robustsweep", "robustsweep.cli": ROOT / "src/robustsweep/cli"}
    for top in TOP_LEVEL:
        for init in sorted((ROOT / top).rglob("__init__.py")):
            found[f"robustsweep.{'.'.join(init.parent.relative_to(ROOT).parts)}"] = init.parent
    return found
