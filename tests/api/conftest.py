from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep fingerprints away from the user's cache, and from every other test."""
    folder = tmp_path / "own-cache"
    monkeypatch.setenv("ROBUSTSWEEP_CACHE", str(folder))
    return folder
