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
    root = ROOT / "src/robustsweep"
    own = [init.parent for init in sorted(root.glob("*/__init__.py")) if not init.parent.is_symlink()]
    found = {"robustsweep": root, **{f"robustsweep.{folder.name}": folder for folder in own}}
    for top in TOP_LEVEL:
        for init in sorted((ROOT / top).rglob("__init__.py")):
            found[f"robustsweep.{'.'.join(init.parent.relative_to(ROOT).parts)}"] = init.parent
    return found
