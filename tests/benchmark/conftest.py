from pathlib import Path

import pytest
from checkpoint_files import saved, weights
from tiny_imagenet_files import published


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep fingerprints away from the user's cache, and from every other test."""
    folder = tmp_path / "own-cache"
    monkeypatch.setenv("ROBUSTSWEEP_CACHE", str(folder))
    return folder


@pytest.fixture
def state_dict(tmp_path: Path) -> Path:
    return saved(tmp_path / "net.pth", weights())


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return published(tmp_path / "set" / "tiny-imagenet-200")
