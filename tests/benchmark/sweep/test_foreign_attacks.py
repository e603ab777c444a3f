"""Attacks of other libraries as conditions: named, swept, stored and reported."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sweeps import OneByOne, same, stored, swept, tiny_checkpoint, tiny_data, tiny_plan

from robustsweep.attacks.adapters import foreign
from robustsweep.attacks.adapters import verdicts as judging
from robustsweep.attacks.adapters.foreign import FAMILIES, Family
from robustsweep.benchmark.plan.blocks import IMAGES_PER_BLOCK
from robustsweep.benchmark.plan.conditions import Attacked, parse_condition
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep import attack_block as attacking
from robustsweep.errors import MissingDependencyError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.stored.store import CellStore
from robustsweep.results.tables.attack_tables import attack_tables

needs_torchattacks = pytest.mark.skipif(find_spec("torchattacks") is None, reason="torchattacks is not installed")


@pytest.mark.parametrize("name", ["torchattacks:PGD@8/255", "torchattacks:CW", "autoattack-l2@0.5"])
def test_conditions_of_other_libraries_are_read_and_described(name: str) -> None:
    (condition,) = conditions_of([name])
    assert condition == parse_condition(name)
    assert isinstance(condition, Attacked)
    described = condition.describe()
    assert (described["name"], described["kind"]) == (name, "attack")
    eps = [] if name.endswith("CW") else [0.5 if "l2" in name else 8 / 255]
    assert described["eps_value"] == (eps or [None])
    assert described["eps"] == (["none"] if not eps else [name.partition("@")[2]])


@needs_torchattacks
def test_a_sweep_stores_verdicts_distances_and_the_librarys_version(tmp_path: Path) -> None:
    names = ("clean", "torchattacks:PGD@4/255", "torchattacks:DeepFool", "torchattacks:GN")
    plan = tiny_plan(*names, data=tiny_data(12))
    assert swept(plan, tmp_path).failed == ()
    arrays = stored(tmp_path)
    right = arrays["tiny", "clean"]["prediction"] == plan.source.labels
    for name in names[1:]:
        found = arrays["tiny", name]
        assert ((found["rung"] == -1) == ~right).all()
        assert ((found["prediction"] == plan.source.labels) == (found["rung"] == 1)).all()
        assert ("l2" in found) == ("linf" in found) == (name != "torchattacks:PGD@4/255")
    fooled = arrays["tiny", "torchattacks:DeepFool"]["rung"] == 0
    assert fooled.any()
    assert (arrays["tiny", "torchattacks:DeepFool"]["l2"][fooled] > 0).all()
    cells = {cell.condition["name"]: cell for cell in CellStore(tmp_path).cells()}
    library = cells["torchattacks:GN"].identity["condition"]["library"]
    assert library == {"torchattacks": foreign.version("torchattacks")}
    median = np.median(arrays["tiny", "torchattacks:DeepFool"]["l2"][fooled])
    (sentence,) = cells["torchattacks:DeepFool"].warnings
    assert sentence.startswith("torchattacks:DeepFool has no budget; ")
    assert f"the {fooled.sum()} images that it fooled are {median:.3g} (L2)" in sentence
    assert cells["torchattacks:PGD@4/255"].warnings == ()


@needs_torchattacks
def test_tables_show_the_attack_with_its_budget_or_without(tmp_path: Path) -> None:
    swept(tiny_plan("clean", "torchattacks:FGSM@4/255", "torchattacks:VANILA", data=tiny_data(12)), tmp_path)
    (unit,) = split_units(load_frame([tmp_path]))
    (table,) = attack_tables(unit, {})
    rows = {tuple(row[:2]): row[2] for row in table.rows}
    assert {("torchattacks:FGSM@4/255", "4/255"), ("torchattacks:VANILA", "none")} <= rows.keys()
    assert rows["torchattacks:VANILA", "none"] == rows["none", "clean images"]
    notes = "\n".join(table.notes)
    assert "torchattacks:VANILA: no budget: any image counts" in notes
    assert "torchattacks:FGSM@4/255: L-infinity, run by its own library" in notes


@needs_torchattacks
def test_blocks_and_pieces_do_not_cut_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (attacking, judging):
        monkeypatch.setattr(module, "BATCH_SIZE", 4)
    plan = tiny_plan("torchattacks:PGD@2/255", data=tiny_data(20), checkpoints=[tiny_checkpoint("tiny", 0, OneByOne)])
    swept(plan, tmp_path / "one")
    monkeypatch.setattr(attacking, "_PIECE_BYTES", 11 * 4 * 3 * 32 * 32)
    swept(plan, tmp_path / "pieces", batch_size=3)
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    swept(plan, tmp_path / "blocks", block_bytes=1)
    assert same(stored(tmp_path / "one"), stored(tmp_path / "pieces"))
    assert same(stored(tmp_path / "one"), stored(tmp_path / "blocks"))


def test_blocks_hold_whole_batches() -> None:
    assert IMAGES_PER_BLOCK % foreign.BATCH_SIZE == 0


def test_an_absent_library_ends_the_plan_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> str:
        raise foreign.PackageNotFoundError(package)

    monkeypatch.setattr(foreign, "version", absent)
    plan = tiny_plan("clean", "autoattack-linf@8/255", data=tiny_data(6))
    with pytest.raises(MissingDependencyError, match=r"pyautoattack is not installed; .*robustsweep\[autoattack\]"):
        _ = plan.cells


def test_an_attack_that_leaves_its_budget_fails_its_cell_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Family("torchattacks", "torchattacks", lambda batch: (torch.ones_like(batch.images), ()))
    monkeypatch.setitem(FAMILIES, "torchattacks", broken)
    monkeypatch.setattr(foreign, "version", lambda package: "3.5.1")
    summary = swept(tiny_plan("clean", "torchattacks:PGD@4/255", data=tiny_data(6)), tmp_path)
    (sentence,) = summary.failed
    assert sentence.startswith("tiny, torchattacks:PGD@4/255: torchattacks:PGD@4/255 left its budget")
    assert set(stored(tmp_path)) == {("tiny", "clean")}
