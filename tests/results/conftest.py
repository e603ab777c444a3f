from collections.abc import Callable
from pathlib import Path

import pytest
from run_builder import RunBuilder


@pytest.fixture
def builder(tmp_path: Path) -> RunBuilder:
    return RunBuilder(tmp_path / "run")


@pytest.fixture
def make_builder(tmp_path: Path) -> Callable[..., RunBuilder]:
    return lambda folder="run", **changes: RunBuilder(tmp_path / folder, **changes)
