import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# A study's scripts lie beside its plans and import each other by name; runs are built as the tests of results do.
sys.path[:0] = [str(TESTS.parent / "studies"), str(TESTS / "results")]
