from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustsweep.augmentations import build_method
from robustsweep.augmentations.textures.mixing_set import MixingSet, folder_hash, mixing_set
from robustsweep.augmentations.textures.pixmix import PixMix
from robustsweep.cache import CACHE_VARIABLE
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))


def folder(path: Path, n: int = 6) -> Path:
    (path / "class").mkdir(parents=True)
    for number in range(n):
        side = np.full((20 + number, 60 - number, 3), 40 * number, dtype=np.uint8)
        Image.fromarray(side).save(path / "class" / f"{number}.png")
    (path / "class" / "notes.txt").write_text("no image")
    return path


def test_only_the_pictures_that_are_asked_for_are_made() -> None:
    made: list[int] = []

    def make(numbers: torch.Tensor) -> torch.Tensor:
        made.extend(numbers.tolist())
        return numbers.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 10, 12)

    pictures = MixingSet(make, torch.empty(8, 3, 10, 12, dtype=torch.uint8), torch.zeros(8, dtype=torch.bool))
    drawn = torch.tensor([[0.3, 0, 0], [0.9, 0.9, 0.9], [0.3, 0.5, 0.5]], dtype=torch.float64)
    for _ in range(2):
        parts = pictures.parts(drawn, 8, 9)
        assert parts.shape == (3, 3, 8, 9)
        assert parts.flatten(1).unique(dim=1).tolist() == [[2], [7], [2]]
    assert made == [2, 7]


def test_parts_reach_every_place_and_no_further() -> None:
    place = torch.arange(10 * 12, dtype=torch.uint8).view(1, 1, 10, 12).expand(1, 3, 10, 12)
    pictures = MixingSet(lambda numbers: place, place.clone(), torch.ones(1, dtype=torch.bool))
    drawn = Draws(0, "places", torch.arange(400)).uniform(3)
    corners = pictures.parts(drawn, 8, 9)[:, 0, 0, 0].long()
    assert {(int(each) // 12, int(each) % 12) for each in corners} == {
        (top, left) for top in range(3) for left in range(4)
    }


def test_a_folder_of_images_is_read_cut_to_size_and_hashed(tmp_path: Path) -> None:
    path = str(folder(tmp_path / "set"))
    pictures = mixing_set(path, 1000, 0, 16, 32, CPU)
    drawn = (torch.arange(6) / 6 + 0.01).double().unsqueeze(1).expand(-1, 3)
    parts = pictures.parts(drawn, 16, 32)
    assert pictures.pictures.shape == (6, 3, 18, 36)
    assert parts.flatten(1).unique(dim=1)[:, 0].tolist() == [0, 40, 80, 120, 160, 200]
    method = PixMix(textures=path)
    assert method.texture_hash == folder_hash(path, 1000)
    assert len(method.texture_hash) == 64
    assert build_method("pixmix", **method.parameters()) == method
    assert build_method("ipmix", textures=path).parameters()["texture_hash"] == method.texture_hash
    images = torch.full((4, 3, 16, 32), 90, dtype=torch.uint8)
    assert method.pixels(images, method.sample(Draws(0, "a", torch.arange(4)))).shape == images.shape


def test_other_contents_have_another_hash_and_are_refused_under_the_old_one(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one"), folder(tmp_path / "other")
    assert folder_hash(str(one), 9) == folder_hash(str(other), 9)
    Image.new("RGB", (30, 30), (1, 2, 3)).save(other / "class" / "3.png")
    assert folder_hash(str(one), 9) != folder_hash(str(other), 9)
    with pytest.raises(UsageError, match="texture_hash must be"):
        PixMix(textures=str(other), texture_hash=folder_hash(str(one), 1000))
    with pytest.raises(UsageError, match="texture_hash must be ''"):
        PixMix(texture_hash="0" * 64)


def test_fewer_images_are_taken_evenly_from_all(tmp_path: Path) -> None:
    path = str(folder(tmp_path / "set"))
    pictures = mixing_set(path, 3, 0, 16, 32, CPU)
    parts = pictures.parts(torch.tensor([[0.0, 0, 0], [0.4, 0, 0], [0.9, 0, 0]]).double(), 16, 32)
    assert parts.flatten(1).unique(dim=1)[:, 0].tolist() == [0, 80, 160]


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        PixMix(textures=str(tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no images"):
        PixMix(textures=str(tmp_path / "empty"))
    broken = folder(tmp_path / "broken", 1)
    (broken / "class" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="0.png is not an image"):
        mixing_set(str(broken), 1, 0, 16, 16, CPU).parts(torch.zeros(1, 3).double(), 16, 16)
