"""What a sweep stores, for each kind of condition and whatever goes wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_sweeps import (
    CLASSES,
    CONDITIONS,
    OneByOne,
    TinyNet,
    official_set,
    same,
    stored,
    swept,
    tiny_checkpoint,
    tiny_data,
    tiny_plan,
)
from torch import Tensor, nn

from robustsweep.benchmark import attacking
from robustsweep.benchmark.conditions import Attacked, Corrupted
from robustsweep.benchmark.plan import Shard
from robustsweep.benchmark.progress import Silent
from robustsweep.benchmark.sources import Source
from robustsweep.benchmark.sweep import choose_batch_size
from robustsweep.corruptions import corrupt
from robustsweep.errors import CellsFailedError, DataError, MissingDependencyError
from robustsweep.results.cells import Cell
from robustsweep.results.store import CellStore


class Ledger(Silent):
    """Adds up what a sweep announces and what it reports."""

    def __init__(self) -> None:
        self.announced, self.cells, self.units = (0, 0), 0, 0
        self.sentences: list[str] = []

    def begin(self, cells: int, units: int) -> None:
        self.announced = (cells, units)

    def advance(self, cells: int, units: int) -> None:
        self.cells += cells
        self.units += units

    def warn(self, sentence: str) -> None:
        self.sentences.append(sentence)


def cells(run: Path) -> dict[str, Cell]:
    return {cell.condition["name"]: cell for cell in CellStore(run).cells()}


def test_a_cell_holds_what_the_network_says_of_the_corrupted_images(tmp_path: Path) -> None:
    data = tiny_data(20)
    swept(tiny_plan("clean", "gaussian_noise@3", data=data, seed=4), tmp_path)
    images = data.images(data.ids)
    noisy = corrupt(images, "gaussian_noise", 3, table="cifar", seed=4, ids=torch.from_numpy(data.ids))
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


def test_the_rungs_of_an_attack_agree_with_its_counts_and_with_the_clean_cell(tmp_path: Path) -> None:
    plan = tiny_plan("clean", "fgsm-linf@2/255", "pgd3-linf@1/255,4/255,16/255,1")
    swept(plan, tmp_path)
    labels = plan.source.labels
    right = stored(tmp_path)["tiny", "clean"]["prediction"] == labels
    for condition in plan.conditions:
        if not isinstance(condition, Attacked):
            continue
        n_eps = len(condition.attack.eps)
        counts, arrays = cells(tmp_path)[condition.name].counts, stored(tmp_path)["tiny", condition.name]
        rung: Any = arrays["rung"]
        assert ((rung == -1) == ~right).all()
        assert counts.n_clean_right == right.sum() == 50
        assert len(counts.n_robust) == n_eps
        assert list(counts.n_robust) == sorted(counts.n_robust, reverse=True)
        assert counts.n_robust == tuple((rung > k).sum() for k in range(n_eps))
        assert 0 <= counts.n_robust[-1] <= counts.n_robust[0] < counts.n_clean_right
        # What is stored of an image is the answer to what its verdict is about.
        assert ((arrays["prediction"] == labels) == (rung == n_eps)).all()
        assert counts.n_right == counts.n_robust[-1]
        never: Any = (rung == -1) | (rung == n_eps)
        assert ((arrays["step"] == -1) == never).all()
        assert ((arrays["restart"] == -1) == never).all()
    assert len(set(stored(tmp_path)["tiny", "pgd3-linf"]["rung"].tolist())) >= 4


def test_an_attack_in_pieces_is_the_attack_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan("pgd2-linf@1/255,8/255", data=tiny_data(20), checkpoints=[tiny_checkpoint("tiny", 0, OneByOne)])
    swept(plan, tmp_path / "one", batch_size=3)
    monkeypatch.setattr(attacking, "_PIECE_BYTES", 7 * 4 * 3 * 32 * 32)
    swept(plan, tmp_path / "pieces", batch_size=3)
    assert same(stored(tmp_path / "one"), stored(tmp_path / "pieces"))


def test_the_random_starts_of_an_attack_are_drawn_with_the_seed_of_the_sweep(tmp_path: Path) -> None:
    for seed in (0, 1):
        swept(tiny_plan("pgd1-linf@8/255", "fgsm-linf@8/255", seed=seed), tmp_path / str(seed))
    first, second = (stored(tmp_path / str(seed)) for seed in (0, 1))
    assert (first["tiny", "pgd1-linf@8/255"]["nll"] != second["tiny", "pgd1-linf@8/255"]["nll"]).mean() > 0.5
    assert (first["tiny", "fgsm-linf@8/255"]["nll"] == second["tiny", "fgsm-linf@8/255"]["nll"]).all()


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


def test_a_missing_library_is_named_and_the_rest_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = Source.generate

    def without_opencv(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        if condition.corruption == "spatter":
            raise MissingDependencyError("spatter needs opencv-python.")
        return generate(self, condition, clean, ids)

    plan = tiny_plan(
        "clean",
        "spatter@1",
        "contrast@1",
        data=tiny_data(12),
        checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)],
    )
    ledger = Ledger()
    with monkeypatch.context() as patch:
        patch.setattr(Source, "generate", without_opencv)
        summary = swept(plan, tmp_path, ledger)
    expected = [f"{name}, spatter@1: spatter needs opencv-python." for name in ("a", "b")]
    assert list(summary.failed) == expected
    assert [sentence for sentence in ledger.sentences if "spatter" in sentence] == expected
    assert (ledger.cells, ledger.units) == ledger.announced
    with pytest.raises(
        CellsFailedError, match=r"2 cells failed; the others are stored\. First: a, spatter@1"
    ) as caught:
        summary.raise_if_failed()
    assert caught.value.exit_code == 3
    assert set(cells(tmp_path)) == {"clean", "contrast@1"}
    assert {entry["condition"] for entry in CellStore(tmp_path).missing()} == {"spatter@1"}
    mended = swept(plan, tmp_path)
    assert (mended.computed, mended.reused, mended.failed) == (2, 4, ())
    mended.raise_if_failed()


class Broken(nn.Module):
    """Fails on what is far from the tiles: all that is darker than they are."""

    def __init__(self, network: nn.Module, error: Exception | None) -> None:
        super().__init__()
        self.network, self.error = network, error

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        if float(images.amax()) > 0.7:
            return logits
        if self.error is None:
            return logits * float("nan")
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, "output is not finite"),
        (RuntimeError("shapes do not fit"), "shapes do not fit"),
        (ValueError("images too dark"), r"ValueError\('images too dark'\)"),
        (AssertionError(), "AssertionError"),
    ],
    ids=["NaN", "RuntimeError", "ValueError", "AssertionError"],
)
def test_a_network_that_breaks_is_named_and_the_rest_is_stored(
    tmp_path: Path, error: Exception | None, reason: str
) -> None:
    data = tiny_data(12)
    broken = tiny_checkpoint("broken", 1, lambda network: Broken(network, error))
    plan = tiny_plan(
        "clean", "fog@1", data=official_set(data, clean=True), checkpoints=[broken, tiny_checkpoint("whole", 0)]
    )
    ledger = Ledger()
    summary = swept(plan, tmp_path, ledger)
    assert len(summary.failed) == 1
    assert summary.failed[0].startswith("broken, fog@1: ")
    with pytest.raises(CellsFailedError, match=reason):
        summary.raise_if_failed()
    assert set(stored(tmp_path)) == {("broken", "clean"), ("whole", "clean"), ("whole", "fog@1")}
    assert (ledger.cells, ledger.units) == ledger.announced


def test_an_attack_on_a_network_that_gives_no_numbers_is_named(tmp_path: Path) -> None:
    nan = tiny_checkpoint("nan", 0, lambda network: nn.Sequential(network, nn.Threshold(1e9, float("nan"))))
    plan = tiny_plan("clean", "fgsm-linf@1/255", data=tiny_data(6), checkpoints=[nan])
    summary = swept(plan, tmp_path)
    assert [sentence.partition(":")[0] for sentence in summary.failed] == ["nan, clean", "nan, fgsm-linf@1/255"]
    assert all("not finite" in sentence for sentence in summary.failed)
    assert stored(tmp_path) == {}


def test_images_that_cannot_be_read_end_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: Source, positions: object) -> Tensor:
        raise DataError("images.tar is truncated.")

    monkeypatch.setattr(Source, "read_clean", unreadable)
    with pytest.raises(DataError, match="images.tar is truncated"):
        swept(tiny_plan(data=tiny_data(6)), tmp_path)


def test_an_official_set_without_clean_images_gives_its_corruptions_alone(tmp_path: Path) -> None:
    data = tiny_data(12)
    plan = tiny_plan("clean", "fog@2", "fgsm-linf@1/255", data=official_set(data, clean=False))
    assert [condition.name for condition in plan.skipped] == ["clean", "fgsm-linf@1/255"]
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


FGSM = tuple(f"fgsm-linf@{levels}/255" for levels in (1, 2, 4))


def test_single_steps_of_one_sweep_share_gradients_and_keep_cells_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_data(24)
    checkpoints = [tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)]
    for name in FGSM:
        swept(tiny_plan(name, data=data, checkpoints=checkpoints), tmp_path / "alone")
    made: list[int] = []
    plain = torch.autograd.grad

    def counting(*args: Any, **options: Any) -> Any:
        made.append(1)
        return plain(*args, **options)

    monkeypatch.setattr(torch.autograd, "grad", counting)
    ledger = Ledger()
    plan = tiny_plan("clean", FGSM[0], "contrast@1", *FGSM[1:], data=data, checkpoints=checkpoints)
    swept(plan, tmp_path / "together", ledger)
    assert len(made) == len(checkpoints)
    assert (ledger.cells, ledger.units) == ledger.announced
    alone, together = stored(tmp_path / "alone"), stored(tmp_path / "together")
    assert same(alone, {cell: arrays for cell, arrays in together.items() if cell[1] in FGSM})
    keys = [{cell.key for cell in CellStore(tmp_path / run).cells()} for run in ("alone", "together")]
    assert keys[0] < keys[1]


def test_a_single_step_that_is_stored_is_left_alone(tmp_path: Path) -> None:
    data = tiny_data(12)
    swept(tiny_plan(FGSM[1], data=data), tmp_path)
    summary = swept(tiny_plan(*FGSM, data=data), tmp_path)
    assert (summary.computed, summary.reused) == (2, 1)
    assert set(cells(tmp_path)) == set(FGSM)


def test_shards_give_the_verdicts_of_the_whole(tmp_path: Path) -> None:
    plan = tiny_plan(
        "clean", *FGSM, "pgd2-linf@1/255,8/255", data=tiny_data(24), checkpoints=[tiny_checkpoint("tiny", 0, OneByOne)]
    )
    swept(plan, tmp_path / "whole")
    for index in (1, 2):
        swept(plan, tmp_path / "shards", shard=Shard(index, 2))
    assert same(stored(tmp_path / "whole"), stored(tmp_path / "shards"))


def test_the_torchattacks_protocol_counts_the_last_iterates_of_all_images(tmp_path: Path) -> None:
    name = "pgd2-linf@8/255:protocol=torchattacks"
    swept(tiny_plan(name, "pgd2-linf@8/255"), tmp_path)
    arrays, cell = stored(tmp_path)["tiny", name], cells(tmp_path)[name]
    assert set(arrays["rung"].tolist()) == {0, 1}
    assert cell.counts.n_robust == ((arrays["rung"] == 1).sum(),)
    assert cell.counts.n_right == cell.counts.n_robust[0]
    assert cell.counts.n_clean_right is None
    assert cell.key != cells(tmp_path)["pgd2-linf@8/255"].key
