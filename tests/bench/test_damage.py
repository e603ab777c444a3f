"""The short form of the bench of damages: forty of them, each followed by one command, in turn."""

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("damaged runs are read in forks of this process", allow_module_level=True)

from damage import trials


def test_damaged_runs_end_with_a_sentence_or_with_the_numbers_of_the_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("COLUMNS", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "set by the bench")
    found = list(trials(40, 0, tmp_path, in_turn=True))
    assert len({trial.kind for trial in found}) > 15
    assert [(str(trial.file), trial.kind, trial.problems) for trial in found if trial.problems] == []
