"""Sequences through a sweep: published arrays and generated ones, and what of each frame is stored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_trees import opened, opened_official
from tiny_sweeps import tiny_checkpoint
from torch import Tensor, nn

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.plan.conditions import Sequenced
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.request import SweepRequest, plan_of
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep.sequence_block import sequence_examples
from robustsweep.benchmark.sweep.sweep import SweepSettings, run_sweep
from robustsweep.corruptions.sequences import PERTURBATIONS
from robustsweep.errors import CheckpointError, DataError, UsageError
from robustsweep.results.compare.comparison import compare
from robustsweep.results.corruption_names.sequences import FRAMES
from robustsweep.results.metrics.catalogue.sequence_scores import FLIPS, MEAN_FLIP
from robustsweep.results.report.document import build_report
from robustsweep.results.stored.store import CellStore

N = 4
CPU = torch.device("cpu")


class ByCorner(nn.Module):
    """Ten classes, of which the red level of the first pixel is the best, the next ones following."""

    def forward(self, images: Tensor) -> Tensor:
        corner = (images[:, 0, 0, 0] * 255).round().long()
        classes = torch.arange(10)
        return -((classes - corner.unsqueeze(1)) % 10).float()


def sequences_of(levels: list[list[int]]) -> Tensor:
    made = torch.zeros(len(levels), len(levels[0]), 3, 32, 32, dtype=torch.uint8)
    made[:, :, 0, 0, 0] = torch.tensor(levels, dtype=torch.uint8)
    return made


def examples(levels: list[list[int]], perturbation: str = "tilt"):
    labels = torch.zeros(len(levels), dtype=torch.int64)
    condition = Sequenced(perturbation)
    return sequence_examples(ByCorner(), sequences_of(levels), labels, condition, batch_size=3, device=CPU)


def test_predictions_of_all_frames_are_kept():
    found = examples([[0, 0, 1, 0], [3, 3, 3, 3]])
    assert found.frames is not None
    assert found.frames.dtype == np.uint16
    assert found.frames.tolist() == [[0, 0, 1, 0], [3, 3, 3, 3]]
    assert found.prediction.tolist() == [0, 3]
    assert found.flip is not None
    assert found.flip.tolist() == pytest.approx([2 / 3, 0])


def test_noises_are_held_against_the_first_frame():
    levels = [[0, 1, 1, 0]]
    found, noisy = examples(levels), examples(levels, "shot_noise")
    assert found.flip is not None
    assert noisy.flip is not None
    assert (found.flip.tolist(), noisy.flip.tolist()) == (pytest.approx([2 / 3]), pytest.approx([2 / 3]))
    steady, noisy = examples([[0, 1, 1, 1]]), examples([[0, 1, 1, 1]], "gaussian_noise")
    assert steady.flip is not None
    assert noisy.flip is not None
    assert (steady.flip.tolist(), noisy.flip.tolist()) == (pytest.approx([1 / 3]), [1])


def test_ranks_move_by_one_step_of_the_corner():
    # The best five are 0..4 and then 1..5: of 0..4, 0 leaves (5), and the others rise by one (4 x 1).
    found = examples([[0, 1]])
    assert found.top5_distance is not None
    assert found.top5_distance.tolist() == [9]


def test_a_frame_without_finite_outputs_fails_the_cell():
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.where(images[:, :1, 0, 0] > 0, torch.nan, 0.0).expand(-1, 10)

    with pytest.raises(CheckpointError, match="not finite"):
        sequence_examples(
            Broken(),
            sequences_of([[0, 9]]),
            torch.zeros(1, dtype=torch.int64),
            Sequenced("tilt"),
            batch_size=2,
            device=CPU,
        )


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    path = tmp_path / "clean.npz"
    images = np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(N))
    return path


@pytest.fixture
def published(tmp_path: Path, clean: Path) -> str:
    folder = tmp_path / "CIFAR-10-P"
    folder.mkdir()
    for seed, (name, frames) in enumerate(FRAMES.items()):
        values = np.random.default_rng(seed).integers(0, 256, (N, frames, 32, 32, 3), dtype=np.uint8)
        np.save(folder / f"{name}.npy", values)
    np.save(folder / "gaussian_noise_2.npy", values)
    return f"cifar10-p:{folder},clean=npz:{clean},classes=10"


def test_published_arrays_are_read_in_place(tmp_path: Path, published: str) -> None:
    data = opened_official(published)
    assert (data.name, data.sequences, data.corruptions, data.notes) == ("cifar10-p", tuple(FRAMES), (), ())
    assert data.labels.tolist() == list(range(N))
    assert data.read_sequence is not None
    found = data.read_sequence("motion_blur", np.array([2, 0])).permute(0, 1, 3, 4, 2).numpy()
    assert np.array_equal(found, np.load(tmp_path / "CIFAR-10-P" / "motion_blur.npy")[[2, 0]])


def test_wrong_files_are_refused_with_a_sentence(tmp_path: Path, clean: Path, published: str) -> None:
    folder = tmp_path / "CIFAR-10-P"
    with pytest.raises(UsageError, match="needs clean=SPEC, the test images: the arrays hold no labels"):
        open_data(f"cifar10-p:{folder}")
    np.save(folder / "tilt.npy", np.zeros((N, 30, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"tilt\.npy should hold uint8 of shape \(4, 31, 32, 32, 3\)"):
        open_data(published)
    (folder / "tilt.npy").unlink()
    assert opened_official(published).notes == ("cifar10-p lacks tilt; means that need these are not given.",)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"holds none of gaussian_noise\.npy"):
        open_data(f"cifar10-p:{tmp_path / 'none'},clean=npz:{clean},classes=10")
    with pytest.raises(DataError, match="clean= has 10 classes and images of 32x32 pixels, cifar100-p has 100"):
        open_data(published.replace("cifar10-p", "cifar100-p"))


def sweep(data: str, out: Path, suites: tuple[str, ...] = (), **settings: object) -> CellStore:
    store = CellStore(out)
    opened_data = open_data(data)
    wanted = suites or tuple(f"sequence-{name}" for name in FRAMES)
    checkpoints = [tiny_checkpoint(f"net{seed}", seed, classes=10) for seed in (0, 1)]
    plan = make_plan(Source.choose(opened_data, limit=None, seed=0), checkpoints, conditions_of(wanted))
    run_sweep(plan, store, SweepSettings(**settings)).raise_if_failed()
    return store


def test_published_sequences_go_from_sweep_to_report(tmp_path: Path, published: str) -> None:
    store = sweep(published, tmp_path / "run")
    cells = {(cell.checkpoint["name"], cell.condition["name"]): cell for cell in store.cells()}
    assert len(cells) == 20
    frames = np.load(tmp_path / "CIFAR-10-P" / "tilt.npy")
    network = tiny_checkpoint("net0", 0, classes=10).load()
    with torch.inference_mode():
        logits = network(torch.from_numpy(frames.reshape(-1, 32, 32, 3)).permute(0, 3, 1, 2).float() / 255)
    best = logits.numpy().argmax(axis=1).reshape(N, -1)
    cell = cells["net0", "sequence-tilt"]
    kept = store.examples(cell)
    assert np.array_equal(kept.frames, best)
    assert cell.means["flip"] == pytest.approx((best[:, 1:] != best[:, :-1]).mean())
    assert "seed" not in cell.identity["condition"]
    report = build_report([tmp_path / "run"])
    tables = {table.slug: table for table in report.tables}
    rows = {row[1]: row for row in tables["sequence_flips"].rows}
    assert rows["tilt"][2] == pytest.approx(cell.means["flip"])
    assert rows[MEAN_FLIP.title][2] == pytest.approx(np.mean([rows[score.title][2] for score in FLIPS]))
    assert len(tables["sequence_flips"].intervals) == 22
    assert any("no mFR and no mT5D" in note for note in tables["sequence_flips"].notes)
    distances = tables["sequence_distances"]
    place = [column.name for column in distances.columns].index("tilt_top5_distance")
    assert distances.rows[0][place] == pytest.approx(cell.means["top5_distance"])
    (compared,) = compare([tmp_path / "run"], "net0", "net1", [MEAN_FLIP.name])
    (flips,) = [one for one in compared.comparisons if one.score.name == MEAN_FLIP.name]
    assert flips.values[0] == pytest.approx(rows[MEAN_FLIP.title][2])


def test_the_default_is_every_sequence_that_is_there(published: str) -> None:
    checkpoint = "torchvision:resnet18,weights=random,classes=10,input_size=32"
    plan = plan_of(SweepRequest(checkpoints=(checkpoint,), data=published))
    assert [one.name for one in plan.conditions] == [f"sequence-{name}" for name in FRAMES]
    assert plan.conditions == conditions_of(["cifar-p"])


def test_generated_sequences_are_those_of_the_engine_in_any_blocks(tmp_path: Path, clean: Path) -> None:
    suites = ("clean", "sequence-rotate", "sequence-shot_noise")
    store = sweep(f"npz:{clean},classes=10", tmp_path / "whole", suites)
    parted = sweep(f"npz:{clean},classes=10", tmp_path / "parted", suites, block_bytes=1)
    data = opened(f"npz:{clean},classes=10")
    images = data.images(np.arange(N))
    found = {(cell.checkpoint["name"], cell.condition["name"]): cell for cell in store.cells()}
    for name in ("rotate", "shot_noise"):
        made = PERTURBATIONS[name].sequence(images, seed=0, ids=torch.from_numpy(data.ids))
        cell = found["net1", f"sequence-{name}"]
        module = tiny_checkpoint("net1", 1, classes=10).load()
        labels = torch.from_numpy(data.labels)
        expected = sequence_examples(module, made, labels, Sequenced(name), batch_size=250, device=CPU)
        assert np.array_equal(store.examples(cell).frames, expected.frames)
        again = next(one for one in parted.cells() if one.key == cell.key)
        assert np.array_equal(parted.examples(again).frames, expected.frames)
    assert found["net1", "sequence-rotate"].identity["condition"]["seed"] == 0
    report = build_report([tmp_path / "whole"])
    assert {table.slug for table in report.tables} >= {"headline", "sequence_flips"}


def test_other_sizes_and_names_are_said(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    np.savez(path, images=np.zeros((2, 40, 40, 3), dtype=np.uint8), labels=np.arange(2))
    source = Source.choose(opened(f"npz:{path},classes=10"), limit=None, seed=0)
    plan = make_plan(source, [tiny_checkpoint(classes=10)], conditions_of(["clean", "sequence-tilt"]))
    assert [one.reason for one in plan.skipped] == ["sequences are made of 32x32 pixels, large has 40x40"]
    with pytest.raises(UsageError, match="perturbation of a sequence"):
        conditions_of(["sequence-tilted"])
