"""Folders whose classes are some of ImageNet's: numbered by wnid or number, and judged among these classes alone."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_trees import archive_of, encoded, everything, opened, pixels, png_files, write_files
from tiny_sweeps import tiny_checkpoint
from torch import Tensor, nn

from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K
from robustsweep.benchmark.data.network_outputs import NetworkOutputs
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep.evaluation import evaluate, score
from robustsweep.benchmark.sweep.sweep import run_sweep
from robustsweep.cli import main
from robustsweep.errors import CheckpointError, DataError, UsageError
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.stored.store import CellStore
from robustsweep.training.images.data_images import open_training_data

# Out of order, and not the first classes.
PLACES = (700, 3, 999, 41)
WNIDS = tuple(IMAGENET_1K.wnids[place] for place in PLACES)
SIZE = "resize=32,crop=32"


def tree(root: Path, *folders: str, n: int = 2) -> Path:
    return write_files(root, png_files(*(f"{folder}/photo_{k}.png" for folder in folders for k in range(n)), side=40))


@pytest.mark.parametrize("shift", NATURAL_SHIFTS)
@pytest.mark.parametrize("suffix", ["", ".tar", ".zip"])
def test_classes_are_the_folders_by_sorted_wnid(tmp_path: Path, shift: str, suffix: str) -> None:
    folder = tree(tmp_path / "set", *WNIDS)
    data = opened(f"{shift}:{archive_of(folder, suffix, 'wrapper/') if suffix else folder},{SIZE}")
    assert (data.name, data.shift, data.classes, data.size) == (shift, shift, 4, (32, 32))
    assert data.wnids == tuple(sorted(WNIDS))
    assert data.outputs == NetworkOutputs(1000, tuple(sorted(PLACES)))
    assert data.paths is not None
    assert [data.wnids[label] for label in data.labels] == [path.split("/")[0] for path in data.paths]
    assert len(data.class_names()) == 4
    assert f"{shift} has 4 of the {NATURAL_SHIFTS[shift].classes} classes as published" in data.notes[-1]


def test_two_hundred_classes_are_as_published(tmp_path: Path) -> None:
    places = np.random.default_rng(0).choice(1000, 200, replace=False)
    content = encoded(pixels(0, 32, 32))
    folder = write_files(tmp_path / "r", {f"{IMAGENET_1K.wnids[place]}/a.png": content for place in places})
    data = opened(f"imagenet-r:{folder},{SIZE}")
    assert data.notes == ()
    assert data.outputs is not None
    assert data.outputs.indices == tuple(sorted(places.tolist()))


def test_numbers_are_read_as_numbers(tmp_path: Path) -> None:
    folder = tree(tmp_path / "v2", "0", "1", "10", "2", "999")
    data = opened(f"imagenet-v2:{folder},{SIZE}")
    assert data.outputs is not None
    assert data.outputs.indices == (0, 1, 2, 10, 999)
    assert data.paths is not None
    assert [data.outputs.indices[label] for label in data.labels] == [int(path.split("/")[0]) for path in data.paths]


def test_all_classes_drop_no_output(tmp_path: Path) -> None:
    content = encoded(pixels(0, 32, 32))
    folder = write_files(tmp_path / "v2", {f"{place}/a.png": content for place in range(1000)})
    data = opened(f"imagenet-v2:{folder},{SIZE}")
    assert (data.outputs, data.wnids, data.classes) == (None, IMAGENET_1K.wnids, 1000)
    assert data.paths is not None
    assert data.labels.tolist() == [int(path.split("/")[0]) for path in data.paths]


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("n00000001", WNIDS[0]), "'n00000001' is not a wnid of ImageNet-1k"),
        (("dog", WNIDS[0]), "'dog' is not a wnid of ImageNet-1k"),
        (("3", WNIDS[0]), "'3' is not a wnid of ImageNet-1k"),
        (("1000", "1"), "'1000' is not a number of ImageNet's, 0 to 999"),
        (("1", "9" * 200), "is not a number of ImageNet's, 0 to 999"),
        (("1", "01"), "the folders '01' and '1' are the same class"),
        ((), "holds no images as CLASS/IMAGE"),
    ],
)
def test_folders_that_are_no_class_are_named(tmp_path: Path, folders: tuple[str, ...], message: str) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match=message):
        opened(f"imagenet-r:{tree(tmp_path / 'set', *folders)},{SIZE}")


def test_clean_images_of_the_same_classes(tmp_path: Path) -> None:
    shift = opened(f"imagenet-r:{tree(tmp_path / 'r', *WNIDS)},{SIZE}")
    validation = tree(tmp_path / "val", *WNIDS, *IMAGENET_1K.wnids[100:103], n=3)
    clean = opened(f"imagenet:{validation},{SIZE},classes={tmp_path / 'r'}")
    whole = opened(f"imagenet:{validation},{SIZE}")
    assert (clean.wnids, clean.outputs, clean.shift, clean.classes) == (shift.wnids, shift.outputs, "", 4)
    assert (len(clean), len(whole), whole.outputs, whole.wnids) == (12, 21, None, ())
    kept = np.isin(whole.labels, PLACES)
    assert np.array_equal(everything(clean), everything(whole)[kept])
    assert np.array_equal(np.array(sorted(PLACES))[clean.labels], whole.labels[kept])
    assert clean.fingerprint != opened(f"imagenet:{tree(tmp_path / 'other', *WNIDS, n=3)},{SIZE}").fingerprint


def test_clean_images_that_lack_a_class_are_refused(tmp_path: Path) -> None:
    shift, validation = tree(tmp_path / "r", *WNIDS), tree(tmp_path / "val", *WNIDS[1:])
    with pytest.raises(DataError, match=f"lacks 1 of the 4 classes of classes=, the first {WNIDS[0]}"):
        opened(f"imagenet:{validation},{SIZE},classes={shift}")


def test_outputs_outside_the_classes_are_dropped() -> None:
    outputs = NetworkOutputs(6, (1, 4, 5))
    logits = torch.tensor([[9.0, 1, 8, 7, 2, 0], [0, 3, 0, 9, 1, 4]])
    labels = torch.tensor([1, 0])

    class Constant(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return logits[: len(images)]

    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    found = evaluate(Constant(), images, labels, batch_size=2, device=torch.device("cpu"), outputs=outputs)
    # The network's own answers, 0 and 3, are no classes of the set.
    assert found.prediction.tolist() == [1, 2]
    kept = logits.numpy()[:, [1, 4, 5]].astype(np.float64)
    probabilities = np.exp(kept) / np.exp(kept).sum(axis=1, keepdims=True)
    assert np.allclose(found.confidence, probabilities.max(axis=1))
    assert np.allclose(found.nll, -np.log(probabilities[[0, 1], labels]))
    alone = score(logits[:, [1, 4, 5]], labels)
    assert all(np.array_equal(one, alone.arrays()[name]) for name, one in found.arrays().items())


def sweep(data: str, out: Path, *seeds: int) -> CellStore:
    source = Source.choose(opened(data), limit=None, seed=0)
    checkpoints = [tiny_checkpoint(f"net{seed}", seed, classes=1000) for seed in seeds]
    store = CellStore(out)
    run_sweep(make_plan(source, checkpoints, conditions_of(["clean"])), store).raise_if_failed()
    return store


def test_a_sweep_stores_the_shift_as_its_condition(tmp_path: Path) -> None:
    folder = tree(tmp_path / "r", *WNIDS)
    store = sweep(f"imagenet-r:{folder},{SIZE}", tmp_path / "run", 1)
    (cell,) = store.cells()
    assert cell.condition == {"name": "imagenet-r", "kind": "shift"}
    assert (cell.data["classes"], cell.counts.n) == (4, 8)
    data = opened(f"imagenet-r:{folder},{SIZE}")
    images = torch.from_numpy(everything(data)).float() / 255
    with torch.inference_mode():
        logits = tiny_checkpoint("net1", 1, classes=1000).load()(images)
    best = logits.numpy()[:, sorted(PLACES)].argmax(axis=1)
    assert cell.counts.n_right == int((best == data.labels).sum())
    (again,) = sweep(f"imagenet-r:{folder},{SIZE},name=mine", tmp_path / "run", 1).cells()
    assert again.key == cell.key
    (whole,) = sweep(f"imagenet:{folder},{SIZE}", tmp_path / "whole", 1).cells()
    assert whole.key != cell.key
    assert whole.data["images_key"] != cell.data["images_key"]


def test_a_network_of_other_outputs_is_refused(tmp_path: Path) -> None:
    source = Source.choose(opened(f"imagenet-a:{tree(tmp_path / 'a', *WNIDS)},{SIZE}"), limit=None, seed=0)
    with pytest.raises(CheckpointError, match="has 4 outputs, imagenet-a has 4 of the 1000 classes of ImageNet; give"):
        make_plan(source, [tiny_checkpoint(classes=4)], conditions_of(["clean"]))


def test_nothing_is_made_of_shifted_images(tmp_path: Path) -> None:
    source = Source.choose(opened(f"imagenet-a:{tree(tmp_path / 'a', *WNIDS)},{SIZE}"), limit=None, seed=0)
    plan = make_plan(source, [tiny_checkpoint(classes=1000)], conditions_of(["clean", "fog@3", "fgsm-linf@1/255"]))
    assert [condition.name for condition in plan.conditions] == ["imagenet-a"]
    assert {one.reason for one in plan.skipped} == {"imagenet-a is measured as it is, on the clean condition alone"}
    with pytest.raises(UsageError, match="is for measuring networks of ImageNet's classes"):
        open_training_data(f"imagenet-a:{tmp_path / 'a'},{SIZE}")


@pytest.mark.parametrize(
    ("folders", "checkpoint", "said"),
    [
        (("cat", "dog"), "torchvision:resnet18,weights=random", "is not a wnid of ImageNet-1k"),
        (WNIDS, "torchvision:resnet18,weights=random,classes=200", "give a network with 1000 outputs"),
    ],
)
def test_mistakes_end_with_2_and_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folders: tuple[str, ...],
    checkpoint: str,
    said: str,
) -> None:
    data = f"imagenet-r:{tree(tmp_path / 'r', *folders)},{SIZE}"
    arguments = ["sweep", "--data", data, "--checkpoint", checkpoint, "--out", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["robustsweep", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
