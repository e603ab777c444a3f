import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from repository import ROOT, package_folders

TOP = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "Makefile", "README.md", "action.yml")
CODE = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the repository, because building writes into it."""
    ignored = shutil.ignore_patterns(".*", "runs", "build", "dist", "*.egg-info", "__pycache__")
    return shutil.copytree(ROOT, tmp_path / "source", symlinks=True, ignore=ignored)


def built(source: Path, hook: str) -> tuple[Path, str]:
    """Build a distribution with the setuptools that is installed; return the file and what was said."""
    out = source.parent / hook
    out.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", CODE, hook, out], cwd=source, check=True, capture_output=True, text=True
    )
    (file,) = out.iterdir()
    return file, ran.stdout + ran.stderr


def test_the_source_distribution_holds_what_the_checks_and_tests_need(source):
    file, _ = built(source, "build_sdist")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tests = {path.relative_to(source).as_posix() for path in (source / "tests").rglob("*") if path.is_file()}
    assert {*TOP, "constraints.txt", "pyproject.toml", *tests} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_is_built_without_a_warning_about_what_it_holds(source):
    _, said = built(source, "build_wheel")
    assert not re.search(r"would be ignored|absent from the `packages`|SetuptoolsDeprecationWarning", said)


def test_the_description_for_a_package_index_has_no_relative_link():
    text = (ROOT / "docs/description.md").read_text()
    assert not re.findall(r"\]\((?!https://)", text)
    assert "README" in text


def test_the_wheel_holds_one_top_level_name_and_every_module(source):
    wheel, _ = built(source, "build_wheel")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"robustsweep"}
    modules = {
        f"{package.replace('.', '/')}/{path.name}"
        for package, folder in package_folders().items()
        for path in [*folder.glob("*.py"), *folder.glob("*.txt")]
    }
    recipes = {f"robustsweep/training/recipes/{path.name}" for path in (ROOT / "training/recipes").glob("*.toml")}
    assert len(recipes) == 9
    policy = {"robustsweep/augmentations/policies/cifar100.json"}
    page = {
        f"robustsweep/results/report/html/{name}"
        for name in ("report.html.j2", "strips.html.j2", "page.css", "tables.js")
    }
    data = page | recipes | policy | {"robustsweep/py.typed", "robustsweep/results/report/report.schema.json"}
    assert modules | data == {name for name in names if ".dist-info" not in name}
