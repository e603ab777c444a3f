"""Rooms: how many modules a folder holds, and which way imports go between the rooms of a large folder."""

from graphlib import TopologicalSorter

import pytest
from repository import ROOT, imported, package_folders

MOST_MODULES = 14
# From the lowest up: a room, or a module that lies beside them, imports only those before it.
ROOMS = {
    "results": (
        *("corruption_names", "method_names", "alexnet_errors", "statistics", "stored", "comparable", "metrics"),
        *("tables", "figures", "compare", "gate", "report"),
    ),
    "benchmark": ("spec", "architectures", "checkpoints", "data", "plan", "sweep", "workers", "writing"),
}
MOST_ARROWS = {"results": 40, "benchmark": 15}


def imports_by_module() -> dict[str, set[str]]:
    """What each module imports of ours, inside functions too; a package stands for its ``__init__``."""
    folders = package_folders()
    paths = {f"{package}.{path.stem}": path for package, folder in folders.items() for path in folder.glob("*.py")}
    paths = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    found = {}
    for module, path in paths.items():
        names = {name for name in imported(path) if name.startswith("robustsweep.")}
        found[module] = {name if name in paths else name.rpartition(".")[0] for name in names} - {module}
    return found


IMPORTS = imports_by_module()


def arrows(folder: str) -> set[tuple[str, str]]:
    """Return the pairs of rooms of a folder of which the first imports the second."""
    inside = f"robustsweep.{folder}."
    pairs = {(module, other) for module in IMPORTS for other in IMPORTS[module]}
    rooms = {
        (module.split(".")[2], other.split(".")[2])
        for module, other in pairs
        if module.startswith(inside) and other.startswith(inside)
    }
    return {(room, other) for room, other in rooms if room != other}


def test_every_import_leads_to_a_module():
    assert len(IMPORTS) > 300
    assert not {other for found in IMPORTS.values() for other in found} - IMPORTS.keys()


def test_no_modules_import_each_other_in_a_circle():
    tuple(TopologicalSorter(IMPORTS).static_order())  # raises CycleError, which names them


@pytest.mark.parametrize("package", package_folders())
def test_no_folder_holds_more_modules_than_one_look_takes_in(package):
    modules = [path for path in package_folders()[package].glob("*.py") if path.stem != "__init__"]
    assert len(modules) <= MOST_MODULES, f"make a room in {package}"


@pytest.mark.parametrize("folder", ROOMS)
def test_every_room_has_its_place_in_the_order(folder):
    entries = {path.stem for path in (ROOT / folder).iterdir() if path.stem not in ("__init__", "__pycache__")}
    assert entries == set(ROOMS[folder])


@pytest.mark.parametrize("folder", ROOMS)
def test_no_room_imports_one_that_stands_above_it(folder):
    place = ROOMS[folder].index
    assert not [(room, other) for room, other in sorted(arrows(folder)) if place(other) > place(room)]


@pytest.mark.parametrize("folder", ROOMS)
def test_few_rooms_know_each_other(folder):
    assert 5 < len(arrows(folder)) <= MOST_ARROWS[folder]
