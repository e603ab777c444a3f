"""What the package offers by name, and its examples."""

import doctest
import importlib

from robustsweep import attribution
from robustsweep.results.report.attribution.map_arrays import MAP_NAMES


def test_the_names_are_there_and_the_examples_are_true():
    runner = doctest.DocTestRunner()
    for name in attribution.__all__:
        found = getattr(attribution, name)
        if callable(found):
            for example in doctest.DocTestFinder().find(found, name, module=importlib.import_module(found.__module__)):
                runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries > 4


def test_reports_know_every_map():
    assert tuple(attribution.MAPS) == MAP_NAMES
