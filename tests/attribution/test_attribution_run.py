"""The command from checkpoints to files: what it writes, continues and refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from typer.testing import CliRunner

from robustsweep.attribution import gradcam
from robustsweep.attribution import run as run_module
from robustsweep.attribution.request import plan_attribution
from robustsweep.attribution.run import run_attribution
from robustsweep.cli.commands import app
from robustsweep.corruptions.windows import paste_windows, window_places
from robustsweep.errors import CheckpointError, DataError, UsageError
from robustsweep.results.report.attribution.stored_maps import MapFiles
from robustsweep.results.tables.window_tables import WINDOWS

SPECS = [
    "py:small_networks:PooledHead,norm=none,name=plain,method=baseline,seed=0",
    "py:small_networks:other_head,norm=none,name=mixed,method=cutmix,seed=0",
]


@pytest.fixture
def data(tmp_path: Path) -> str:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "small.npz", images=images, labels=np.array([0, 1, 2, 3, 0, 1]))
    return f"npz:{tmp_path / 'small.npz'}"


def plan(data: str, out: Path, specs: list[str] = SPECS, **options):
    return plan_attribution(specs, out, data=data, **{"images": 5, "maps": ["cam", "guided_backprop"], **options})


def test_the_command_writes_numbers_tables_and_figures(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    arguments = ["attribute", *SPECS, "--data", data, "--images", "5", "--maps", "cam,guided_backprop"]
    found = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "run/attributions"), "--device", "cpu"])
    assert found.exit_code == 0, found.output
    assert "4 maps computed, 0 were stored already" in found.output
    assert "robustsweep report" in found.output
    out = tmp_path / "run/attributions"
    numbers = pd.read_csv(out / "numbers.csv")
    assert set(numbers["score"]) == {"deletion", "insertion", "window_excess", "edge_band_excess", "correlation"}
    assert set(numbers[numbers["score"] == "correlation"]["map"]) == {"cam"}
    assert numbers.groupby("checkpoint")["image"].nunique().tolist() == [5, 5]
    assert len(set(numbers["condition"])) == 1 + len(WINDOWS)
    text = (out / "attribution.md").read_text()
    assert "Adebayo" in text
    assert "CutMix" in text
    assert (out / "figures/attribution_maps.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (out / "figures/attribution_windows.svg").read_bytes()
    assert sorted(path.name for path in (out / "tables").iterdir())[0] == "attribution_against_baseline.csv"


def test_none_is_no_map_and_corrupted_sets_have_none(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    found = CliRunner().invoke(app, ["attribute", SPECS[0], "--data", data, "--maps", "none", "--images", "2"])
    assert str(found.exception).startswith("Unknown map of --maps 'none'")
    monkeypatch.setattr("robustsweep.attribution.request.open_data", lambda text, workers: None)
    with pytest.raises(UsageError, match="Maps are made of clean images"):
        plan(data, tmp_path)


def test_a_second_run_computes_what_is_missing_alone(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "out"
    assert run_attribution(plan(data, out, SPECS[:1], window_maps=[])).computed == 2
    before = (out / "numbers.csv").read_bytes()
    monkeypatch.setattr(run_module, "measure_map", None)
    again = run_attribution(plan(data, out, SPECS[:1], window_maps=[]))
    assert (again.computed, again.reused) == (0, 2)
    assert (out / "numbers.csv").read_bytes() == before
    monkeypatch.undo()
    assert run_attribution(plan(data, out, maps=["cam"])).computed == 2, "one without windows, and one checkpoint more"
    found = MapFiles(out).read()
    assert found is not None
    assert len(found.maps) == 3


def test_batches_make_no_difference(data: str, tmp_path: Path):
    for batch in (1, 64):
        run_attribution(plan(data, tmp_path / f"{batch}", SPECS[:1], maps=["cam", "guided_backprop"], batch_size=batch))
    one, many = (pd.read_csv(tmp_path / f"{batch}/numbers.csv") for batch in (1, 64))
    assert np.allclose(one["value"], many["value"], atol=1e-5)


def test_windows_are_measured_on_the_maps_of_patched_images(data: str, tmp_path: Path):
    wanted = plan(data, tmp_path, SPECS[:1], maps=["gradcam"])
    run_attribution(wanted)
    found = MapFiles(tmp_path).read()
    assert found is not None
    (stored,) = found.maps.values()
    network, ids = wanted.checkpoints[0].load(), torch.from_numpy(found.images.ids)
    clean = wanted.source.read_clean(wanted.source.positions)
    patched = paste_windows(clean, "linear", "mean", 0.5, seed=0, ids=ids)
    targets = torch.from_numpy(stored.targets)
    first, second = (gradcam(network, images / 255, targets).double().numpy() for images in (clean, patched))
    places = window_places("mean", 0.5, seed=0, ids=ids, height=16, width=16).numpy()
    scores = stored.windows[WINDOWS.index(("mean", 0.5, "linear"))]
    for row, (top, left) in enumerate(places):
        inside = second[row, top : top + 8, left : left + 8].sum() / second[row].sum()
        assert scores[row, 0] == pytest.approx(inside - 0.25, abs=1e-6)
        outer = np.zeros((16, 16), bool)
        outer[max(0, top - 2) : top + 10, max(0, left - 2) : left + 10] = True
        inner = np.zeros((16, 16), bool)
        inner[top + 2 : top + 6, left + 2 : left + 6] = True
        band = outer & ~inner
        assert scores[row, 1] == pytest.approx(second[row][band].sum() / second[row].sum() - band.mean(), abs=1e-6)
        expected = stats.spearmanr(first[row][~outer], second[row][~outer]).statistic
        assert scores[row, 2] == pytest.approx(expected, abs=1e-6)


def test_true_classes_are_explained_on_request(data: str, tmp_path: Path):
    run_attribution(plan(data, tmp_path, SPECS[:1], target="true", maps=["cam"], window_maps=[]))
    found = MapFiles(tmp_path).read()
    assert found is not None
    (stored,) = found.maps.values()
    assert np.array_equal(stored.targets, found.images.labels)


def test_a_folder_of_other_maps_is_left_alone(data: str, tmp_path: Path):
    run_attribution(plan(data, tmp_path, SPECS[:1], maps=["cam"], window_maps=[]))
    with pytest.raises(DataError, match="holds maps of other images, or of another target or seed"):
        run_attribution(plan(data, tmp_path, SPECS[:1], maps=["cam"], target="true"))


def test_what_cannot_be_had_is_said_before_anything_is_computed(data: str, tmp_path: Path):
    with pytest.raises(UsageError, match="7 images were asked for, and small has 6; ask for fewer"):
        plan(data, tmp_path, images=7)
    with pytest.raises(UsageError, match="Unknown map of --maps 'grad-cam'; did you mean 'gradcam'"):
        plan(data, tmp_path, maps=["grad-cam"])
    with pytest.raises(UsageError, match="gradcam is to be measured under windows and is not among"):
        plan(data, tmp_path, window_maps=["gradcam"])
    with pytest.raises(UsageError, match="Unknown target 'tru'; did you mean 'true'"):
        plan(data, tmp_path, target="tru")
    with pytest.raises(UsageError, match="seed must be at most"):
        plan(data, tmp_path, seed=1 << 70)
    with pytest.raises(UsageError, match="images must be 1 or more"):
        plan(data, tmp_path, images=0)
    with pytest.raises(UsageError, match="at least one checkpoint"):
        plan(data, tmp_path, [])
    linear = "py:small_networks:linear,norm=none,classes=4,input_size=16,name=flat"
    with pytest.raises(UsageError, match="flat: cam needs a network that ends in a linear layer"):
        run_attribution(plan(data, tmp_path, [SPECS[0], linear]))
    assert not (tmp_path / "maps").exists()
    broken = "py:small_networks:Broken,norm=none,name=broken"
    with pytest.raises(CheckpointError, match="broken cannot be attributed .*it fails"):
        run_attribution(plan(data, tmp_path, [broken], maps=["smoothgrad"], window_maps=[]))


def test_mass_in_the_objects_box_is_measured_and_the_box_is_filled_to_its_ends(data: str, tmp_path: Path):
    wanted = plan(data, tmp_path, SPECS[:1], maps=["cam"], window_maps=[], images=6)
    paths = tuple(f"x/{row}.png" for row in range(6))
    boxes = {"x/0.png": (0, 0, 15, 15), "x/1.png": (4, 2, 4, 3), "x/2.png": (0, 8, 15, 15)}
    opened = replace(wanted.source.data, paths=paths, object_boxes=lambda: boxes)
    run_attribution(replace(wanted, source=replace(wanted.source, data=opened)))
    found = MapFiles(tmp_path).read()
    assert found is not None
    (stored,) = found.maps.values()
    assert stored.clean[:3, 3] == pytest.approx([1.0, 2 / 256, 0.5])
    assert stored.clean[0, 2] == pytest.approx(1.0)
    assert np.isnan(stored.clean[3:, 2:]).all()
    boxes["x/1.png"] = (4, 2, 16, 3)
    with pytest.raises(DataError, match=r"box \(4, 2, 16, 3\) of x/1.png leaves its image of 16x16"):
        run_attribution(replace(wanted, source=replace(wanted.source, data=opened), out=tmp_path / "other"))
