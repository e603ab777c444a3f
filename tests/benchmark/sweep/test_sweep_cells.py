"""What a sweep stores, for each kind of condition and whatever goes wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sweeps import (
    CLASSES,
    CONDITIONS,
    Ledger,
    TinyNet,
    cells,
    official_set,
    same,
    stored,
    swept,
    tiny_checkpoint,
    tiny_data,
    tiny_plan,
)
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints.files.file_accuracy import FileAccuracy
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.sweep.batch_sizes import choose_batch_size
from robustsweep.corruptions import corrupt_batch
from robustsweep.results.stored.store import CellStore


def test_a_cell_holds_what_the_network_says_of_the_corrupted_images(tmp_path: Path) -> None:
    data = tiny_data(20)
    swept(tiny_plan("clean", "gaussian_noise@3", data=data, seed=4), tmp_path)
    images = data.images(data.ids)
    noisy = corrupt_batch(images, "gaussian_noise", 3, table="cifar", seed=4, ids=torch.from_numpy(data.ids))
    network = TinyNet(0).eval()
    for name, shown in [("clean", images), ("gaussian_noise@3", noisy)]:
        with torch.inference_mode():
            expected = network(shown / 255.0).argmax(1).numpy()
        cell = cells(tmp_path)[name]
        assert stored(tmp_path)["tiny", name]["prediction"].tolist() == expected.tolist()
        assert cell.counts.n == 20
        assert cell.counts.n_right == (expected == data.labels).sum()


def test_the_counts_and_means_of_a_cell_are_those_of_its_arrays(tmp_path: Path) -> None:
    plan = tiny_plan()
    swept(plan, tmp_path)
    labels = plan.source.labels
    for name, cell in cells(tmp_path).items():
        arrays = stored(tmp_path)["tiny", name]
        assert cell.counts.n == len(labels) == 60
        assert cell.counts.n_right == (arrays["prediction"] == labels).sum()
        assert cell.counts.n_top5_right == 60
        for mean in ("confidence", "nll", "brier"):
            assert cell.means[mean] == pytest.approx(arrays[mean].astype(float).mean())
        ids, stored_labels = CellStore(tmp_path).images(cell.data["images_key"])
        assert (ids.tolist(), stored_labels.tolist()) == (plan.source.ids.tolist(), labels.tolist())


def test_the_clean_cell_and_corruptions_have_no_rungs(tmp_path: Path) -> None:
    swept(tiny_plan("clean", "contrast@1", data=tiny_data(6)), tmp_path)
    for name, cell in cells(tmp_path).items():
        assert "rung" not in stored(tmp_path)["tiny", name]
        assert (cell.counts.n_robust, cell.counts.n_clean_right) == ((), None)


def test_conditions_of_one_name_are_stored_side_by_side(tmp_path: Path) -> None:
    plan = tiny_plan("pgd1-linf@1/255,2/255", "pgd1-linf@1/255,4/255", data=tiny_data(6))
    assert swept(plan, tmp_path).computed == 2
    assert {tuple(cell.condition["eps"]) for cell in CellStore(tmp_path).cells()} == {
        ("1/255", "2/255"),
        ("1/255", "4/255"),
    }


def test_a_finished_sweep_computes_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(data=tiny_data(12), checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)])
    first = swept(plan, tmp_path)
    assert (first.computed, first.reused, first.failed) == (2 * len(CONDITIONS), 0, ())
    before = stored(tmp_path)
    monkeypatch.setattr(Source, "read_clean", None)
    ledger = Ledger()
    again = swept(plan, tmp_path, ledger)
    assert (again.computed, again.reused, again.failed) == (0, 2 * len(CONDITIONS), ())
    assert ledger.announced == (0, 0)
    assert same(stored(tmp_path), before)


def test_a_larger_plan_computes_only_what_is_new(tmp_path: Path) -> None:
    data = tiny_data(12)
    swept(tiny_plan("clean", "contrast@1", data=data), tmp_path)
    more = tiny_plan("clean", "contrast@2", data=data, checkpoints=[tiny_checkpoint(), tiny_checkpoint("b", 1)])
    summary = swept(more, tmp_path)
    assert (summary.computed, summary.reused) == (3, 1)
    assert CellStore(tmp_path).missing() == []


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_checkpoints_in_groups_give_the_cells_of_all_at_once(tmp_path: Path, at_once: int) -> None:
    checkpoints = [tiny_checkpoint(f"net{seed}", seed) for seed in range(3)]
    plan = tiny_plan(data=tiny_data(12), checkpoints=checkpoints)
    ledger = Ledger()
    swept(plan, tmp_path / "all")
    swept(plan, tmp_path / "groups", ledger, models_at_once=at_once)
    assert same(stored(tmp_path / "all"), stored(tmp_path / "groups"))
    assert (ledger.cells, ledger.units) == ledger.announced


def test_each_image_is_corrupted_once_for_all_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    generate = Source.generate

    def counting(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        made.append(condition.name)
        return generate(self, condition, clean, ids)

    monkeypatch.setattr(Source, "generate", counting)
    plan = tiny_plan(
        "contrast@1",
        "fog@1",
        data=tiny_data(6),
        checkpoints=[tiny_checkpoint(f"net{seed}", seed) for seed in range(3)],
    )
    swept(plan, tmp_path)
    assert made == ["contrast@1", "fog@1"]


def test_an_official_set_without_clean_images_gives_its_corruptions_alone(tmp_path: Path) -> None:
    data = tiny_data(12)
    plan = tiny_plan("clean", "fog@2", "fgsm-linf@1/255", data=official_set(data, clean=False))
    assert [one.condition.name for one in plan.skipped] == ["clean", "fgsm-linf@1/255"]
    assert swept(plan, tmp_path).computed == 1
    assert set(cells(tmp_path)) == {"fog@2"}
    assert cells(tmp_path)["fog@2"].data["provenance"] == "official"
    with torch.inference_mode():
        expected = TinyNet(0)((data.images(data.ids) // 3) / 255.0).argmax(1)
    assert stored(tmp_path)["tiny", "fog@2"]["prediction"].tolist() == expected.tolist()


def test_an_official_set_with_clean_images_is_attacked_on_them(tmp_path: Path) -> None:
    data = tiny_data(12)
    names = ("clean", "fgsm-linf@1/255")
    swept(tiny_plan(*names, data=data), tmp_path / "generated")
    swept(tiny_plan(*names, data=official_set(data, clean=True)), tmp_path / "official")
    assert same(stored(tmp_path / "generated"), stored(tmp_path / "official"))


def test_an_accuracy_at_chance_level_is_warned_of_in_the_clean_cell_alone(tmp_path: Path) -> None:
    data = tiny_data(60)
    shuffled = tiny_checkpoint("constant", 3, lambda network: nn.Sequential(network, nn.Threshold(1e9, 0.0)))
    ledger = Ledger()
    swept(tiny_plan("clean", "contrast@1", data=data, checkpoints=[tiny_checkpoint(), shuffled]), tmp_path, ledger)
    assert len(ledger.sentences) == 1
    sentence = ledger.sentences[0]
    assert sentence.startswith("constant, clean: clean accuracy ")
    assert f"is at chance level ({1 / CLASSES:.2%}): check norm=" in sentence
    warned = {(c.checkpoint["name"], c.condition["name"]): c.warnings for c in CellStore(tmp_path).cells()}
    assert {key for key, sentences in warned.items() if sentences} == {("constant", "clean")}


@pytest.mark.parametrize("limit", [None, 20])
def test_a_clean_accuracy_other_than_the_card_states_is_warned_of(tmp_path: Path, limit: int | None) -> None:
    data, plain = tiny_data(60), tiny_checkpoint()
    swept(tiny_plan("clean", data=data), tmp_path / "plain")
    (cell,) = CellStore(tmp_path / "plain").cells()
    right = cell.counts.n_right / 60
    # A subset may be off by three standard deviations, all images by half a point.
    for name, stated, warns in (("same", right, False), ("near", right - 0.05, limit is None), ("far", 0.02, True)):
        checkpoint = replace(plain, card=replace(plain.card, clean_accuracy=stated))
        plan = tiny_plan("clean", data=data, checkpoints=[checkpoint], limit=limit)
        swept(plan, tmp_path / name)
        (cell,) = CellStore(tmp_path / name).cells()
        found = [sentence for sentence in cell.warnings if f"its card states {stated:.2%}" in sentence]
        assert bool(found) is warns, name
        assert not found or found[0].startswith(f"clean accuracy is {cell.counts.n_right / cell.counts.n:.2%}")
    # What a maker states decides no number, and so no key.
    assert {entry.name for entry in (tmp_path / "far" / "cells").iterdir()} == {plain.id}


def test_a_clean_accuracy_other_than_the_file_says_is_warned_of_unless_the_card_states_one(tmp_path: Path) -> None:
    data, plain = tiny_data(60), tiny_checkpoint()
    swept(tiny_plan("clean", data=data), tmp_path / "plain")
    (cell,) = CellStore(tmp_path / "plain").cells()
    right = cell.counts.n_right / 60
    stating = replace(plain, card=replace(plain.card, clean_accuracy=right))
    for name, checkpoint, readings, warns in (
        ("same", plain, (right,), False),
        ("either", plain, (0.02, right), False),
        ("far", plain, (0.02,), True),
        ("stated", stating, (0.02,), False),
    ):
        stored = replace(checkpoint, file_accuracy=FileAccuracy("best_acc", 2.0, readings))
        swept(tiny_plan("clean", data=data, checkpoints=[stored]), tmp_path / name)
        (cell,) = CellStore(tmp_path / name).cells()
        found = [
            sentence for sentence in cell.warnings if "its file says best_acc = 2, perhaps of validation" in sentence
        ]
        assert bool(found) is warns, name


def test_how_a_cell_was_computed_is_recorded_and_not_in_its_key(tmp_path: Path) -> None:
    swept(tiny_plan("clean", data=tiny_data(6)), tmp_path, batch_size=4)
    (cell,) = CellStore(tmp_path).cells()
    assert (cell.recorded["device"], cell.recorded["batch_size"]) == ("cpu", 4)
    assert cell.recorded["seconds"] > 0
    assert cell.recorded["versions"]["torch"].startswith(torch.__version__.partition("+")[0])
    assert "batch_size" not in str(cell.identity)


def test_the_batch_is_chosen_by_image_size_and_device() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    sizes = {device: [choose_batch_size((side, side), device) for side in (32, 64, 224)] for device in (cpu, cuda)}
    for chosen in sizes.values():
        assert chosen[0] == chosen[1] > chosen[2] >= 1
    assert all(np.greater(sizes[cuda], sizes[cpu]))


def test_a_sweep_stores_what_its_plan_declares_that_will_be_compared(tmp_path: Path) -> None:
    declared = {"methods": ["cutmix", "mixup"], "metrics": [], "reference": None}
    swept(replace(tiny_plan("clean"), compare=declared), tmp_path)
    (plan,) = CellStore(tmp_path).plans().values()
    assert plan.compare == declared
