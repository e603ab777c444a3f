"""Files that specs name are found on a machine that has them, and travel to one that has not."""

from pathlib import Path

import pytest

from robustsweep.benchmark.spec import Spec
from robustsweep.benchmark.workers import luggage
from robustsweep.benchmark.workers.luggage import Luggage, located
from robustsweep.errors import DataError


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder to be in, with weights, a folder of checkpoints and data."""
    home = tmp_path / "home"
    for name in ("a.pth", "nets/b.safetensors", "nets/more/c.safetensors", "cifar/batch", "clean.npz"):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(home)
    return home


def specs(home: Path) -> list[Spec | str]:
    return [
        f"{home}/a.pth,arch=resnet20,norm=half",
        Spec("nets", "nets", {"method": "cutmix"}),
        "timm:resnet50,weights=a.pth,classes=10",
        "cifar10-c:cifar,clean=npz:clean.npz",
        "py:module:name,weights=random",
        "digits",
    ]


def moved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the files away, as on another machine."""
    elsewhere = home.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    home.rename(home.parent / "gone")


def test_on_a_machine_with_the_same_files_specs_stay_as_they_are(files: Path, tmp_path: Path) -> None:
    packed = Luggage.pack(specs(files), bytes)
    assert packed.unpack(specs(files), pytest.fail, tmp_path / "machine") == specs(files)
    assert not (tmp_path / "machine").exists()


def test_relative_paths_start_where_they_were_written(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = Luggage.pack(["nets"], bytes)
    monkeypatch.chdir(tmp_path)
    assert packed.unpack(["nets"], pytest.fail, tmp_path / "machine") == ["nets"]
    assert Path.cwd() == files


def test_on_another_machine_specs_lead_to_files_of_the_same_names_and_content(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, machine = specs(files), tmp_path / "machine"
    packed = Luggage.pack(given, bytes)
    moved(files, monkeypatch)
    weights, folder, timm, data, python, digits = packed.unpack(given, bytes, machine)
    assert isinstance(folder, Spec)
    path, arch, norm = str(weights).split(",")
    assert (Path(path).name, Path(path).read_text(), arch, norm) == ("a.pth", "a.pth", "arch=resnet20", "norm=half")
    assert Path(folder.target).name == "nets"
    assert (folder.text, folder.options) == ("nets", {"method": "cutmix"})
    assert sorted(each.read_text() for each in Path(folder.target).rglob("*.safetensors")) == [
        "nets/b.safetensors",
        "nets/more/c.safetensors",
    ]
    assert Path(str(timm).split(",")[1].removeprefix("weights=")).read_text() == "a.pth"
    corrupted, clean = str(data).removeprefix("cifar10-c:").split(",clean=npz:")
    assert Path(corrupted, "batch").read_text() == "cifar/batch"
    assert Path(clean).read_text() == "clean.npz"
    assert (python, digits) == (given[4], given[5])


def test_files_are_unpacked_once_for_each_machine(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = Luggage.pack(["nets"], bytes)
    moved(files, monkeypatch)
    first = packed.unpack(["nets"], bytes, tmp_path / "machine")
    Path(str(first[0]), "b.safetensors").write_text("kept")
    assert packed.unpack(["nets"], bytes, tmp_path / "machine") == first
    assert Path(str(first[0]), "b.safetensors").read_text() == "kept"
    assert len(list((tmp_path / "machine").iterdir())) == 1


def test_names_of_data_and_recipes_are_no_paths_whatever_lies_there() -> None:
    assert located("digits", "cifar", "cifar10:folder", "mine.toml") == ("cifar10:folder", "mine.toml")


def test_what_is_too_large_must_be_where_every_machine_finds_it(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(luggage, "_MOST_BYTES", 5)
    packed = Luggage.pack(["imagefolder:nets"], pytest.fail)
    assert packed.unpack(["imagefolder:nets"], pytest.fail, tmp_path / "machine") == ["imagefolder:nets"]
    moved(files, monkeypatch)
    with pytest.raises(DataError, match="nets is not on every machine, and larger than"):
        packed.unpack(["imagefolder:nets"], pytest.fail, tmp_path / "machine")
