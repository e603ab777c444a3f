"""The names at the top of the package: there, documented, their examples true, and typed from outside."""

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import robustsweep
from robustsweep.errors import RobustsweepError

NAMES = sorted(set(robustsweep.__all__) - {"__version__"})
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name):
    found = getattr(robustsweep, name)
    assert inspect.getdoc(found)
    assert name in dir(robustsweep)


def test_the_table_of_homes_and_the_list_of_names_agree():
    assert list(robustsweep._HOMES) == NAMES


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'corupt'"):
        robustsweep.corupt  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module("robustsweep.corupt")


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_in_the_documentation_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = getattr(robustsweep, name)
    scope = found.__name__ if inspect.ismodule(found) else found.__module__
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    examples = doctest.DocTestFinder(recurse=True).find(found, name, module=importlib.import_module(scope))
    for example in examples:
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
    assert sum(len(example.examples) for example in examples) > 0


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, robustsweep; print([m for m in ('torch', 'numpy', 'pandas', 'PIL') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_every_error_of_the_package_is_one_kind():
    with pytest.raises(RobustsweepError):
        robustsweep.corrupt("no image", "fog", 3)
