import os

import pytest
from repository import ROOT, TOP_LEVEL, package_folders, setuptools_table


def test_every_package_folder_is_listed_for_the_wheel_and_mapped():
    table = setuptools_table()
    folders = {name: path.relative_to(ROOT).as_posix() for name, path in package_folders().items()}
    assert sorted(table["packages"]) == sorted(folders)
    assert table["package-dir"] == folders


def test_every_top_level_folder_has_a_relative_link_in_the_root_package():
    links = {entry.name: os.readlink(entry) for entry in (ROOT / "src/robustsweep").iterdir() if entry.is_symlink()}
    if not links and not (ROOT / ".git").exists():
        pytest.skip("a source distribution holds no links")
    assert links == {top: f"../../{top}" for top in TOP_LEVEL}


def test_no_module_is_a_drawer():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    modules = [path for folder in package_folders().values() for path in folder.glob("*.py")]
    assert len(modules) > 50
    assert not [path for path in modules if path.stem in drawers]
