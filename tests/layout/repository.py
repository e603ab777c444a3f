"""Where the layout tests look."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = ("augmentations", "training", "corruptions", "attacks", "attribution", "benchmark", "results")


def setuptools_table() -> dict[str, object]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    table: dict[str, object] = document["tool"]["setuptools"]
    return table


def package_folders() -> dict[str, Path]:
    """Every folder with an ``__init__.py``, by the name it must be imported under."""
    root = ROOT / "src/robustsweep"
    own = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and not folder.is_symlink()]
    rooms = [init.parent for folder in own for init in sorted(folder.rglob("__init__.py"))]
    found = {"robustsweep": root, **{f"robustsweep.{'.'.join(room.relative_to(root).parts)}": room for room in rooms}}
    for top in TOP_LEVEL:
        for init in sorted((ROOT / top).rglob("__init__.py")):
            found[f"robustsweep.{'.'.join(init.parent.relative_to(ROOT).parts)}"] = init.parent
    return found


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Return what a file imports, as ``module.name``."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: only absolute imports"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names
