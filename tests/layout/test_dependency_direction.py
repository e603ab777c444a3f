import sys
from pathlib import Path

import pytest
from repository import ROOT, TOP_LEVEL, imported

ROOT_MODULES = {
    "aes",
    "bounds",
    "cache",
    "draws",
    "errors",
    "foreign_code",
    "plan_file",
    "printable",
    "process",
    "registry",
    "untrusted",
    "values",
}
# Those that commands may import before they run, since they need nothing but Python.
LIGHT = ("cli", "errors", "process.interruption", "printable", "values", "__version__")
# What each folder may import of the others; nothing imports cli, and api is the commands' and the users'.
ALLOWED = {
    # Folders of textures are read as data sets are.
    "augmentations": {"benchmark"},
    "corruptions": set(),
    "attacks": set(),
    "results": set(),
    "benchmark": {"corruptions", "attacks", "results"},
    "training": {"augmentations", "benchmark", "results"},
    "attribution": {"augmentations", "attacks", "corruptions", "benchmark", "results"},
    "src/robustsweep/api": {*TOP_LEVEL, "api"},
    "src/robustsweep/cli": {*TOP_LEVEL, "api", "cli"},
}
PURE = ("augmentations", "corruptions", "attacks")


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", ALLOWED)
def test_folders_import_only_in_the_allowed_direction(folder):
    own = folder.rsplit("/", 1)[-1]
    for path in modules(folder):
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("robustsweep.")}
        assert ours - {"__version__"} <= ALLOWED[folder] | ROOT_MODULES | {own}, path


@pytest.mark.parametrize("folder", PURE)
def test_the_pure_folders_need_only_torch_and_numpy_at_import(folder):
    permitted = {"torch", "numpy", "robustsweep", *sys.stdlib_module_names}
    for path in modules(folder):
        tops = {name.split(".")[0] for name in imported(path, top_level_only=True)}
        assert tops <= permitted, path


def test_results_never_import_torch():
    for path in modules("results"):
        assert not {name for name in imported(path) if name.split(".")[0] in ("torch", "torchvision")}, path


def test_commands_import_nothing_heavy_at_their_top():
    light = {"typer", "robustsweep", *sys.stdlib_module_names}
    for path in modules("src/robustsweep/cli"):
        if path.stem == "progress":  # loaded by commands when they run
            continue
        for name in imported(path, top_level_only=True):
            assert name.split(".")[0] in light, path
            if name.startswith("robustsweep."):
                assert any(f"{name}.".startswith(f"robustsweep.{light}.") for light in LIGHT), path


def test_nothing_imports_the_command_line():
    for folder in TOP_LEVEL:
        for path in modules(folder):
            assert not {name for name in imported(path) if name.startswith("robustsweep.cli")}, path
