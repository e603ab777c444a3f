import os
from collections.abc import Callable
from pathlib import Path

import pytest
from run_builder import RunBuilder


@pytest.fixture(autouse=True)
def _no_disk_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def builder(tmp_path: Path) -> RunBuilder:
    return RunBuilder(tmp_path / "run")


@pytest.fixture
def make_builder(tmp_path: Path) -> Callable[..., RunBuilder]:
    return lambda folder="run", **changes: RunBuilder(tmp_path / folder, **changes)
