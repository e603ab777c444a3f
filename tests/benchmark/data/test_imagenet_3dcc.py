"""The published files of ImageNet-3DCC, whose corruptions are read and never generated."""

from pathlib import Path

import numpy as np
import pytest
from image_trees import archive_of, encoded, opened, opened_official, pixels, write_files
from tiny_sweeps import tiny_checkpoint

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep.sweep import run_sweep
from robustsweep.errors import DataError, UsageError
from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.corruption_names import C_BAR_CORRUPTIONS, CORRUPTIONS, EXTRA_CORRUPTIONS, IMAGENET_3DCC
from robustsweep.results.metrics.catalogue.error_scores import MEAN_3DCC
from robustsweep.results.stored.store import CellStore
from robustsweep.results.tables.corruption_tables import corruption_tables

IMAGES = tuple(f"{IMAGENET_1K.wnids[place]}/ILSVRC2012_val_0000000{place}.JPEG" for place in (3, 9))


def photos(*corruptions: str) -> dict[str, bytes]:
    return {
        f"{corruption}/{severity}/{image}": encoded(pixels(10 * severity + k, 32, 32), "JPEG")
        for corruption in corruptions
        for severity in range(1, 6)
        for k, image in enumerate(IMAGES)
    }


@pytest.mark.parametrize("suffix", ["", ".tar"])
def test_the_published_tree_is_read(tmp_path: Path, suffix: str) -> None:
    folder = write_files(tmp_path / "set", photos(*IMAGENET_3DCC))
    data = opened_official(f"imagenet-3dcc:{archive_of(folder, suffix, 'ImageNet-3DCC/') if suffix else folder}")
    assert (data.name, data.corruptions, data.notes) == ("imagenet-3dcc", IMAGENET_3DCC, ())
    assert data.labels.tolist() == [3, 9]
    assert data.read("h265_abr", 4, np.array([1])).shape == (1, 3, 32, 32)


def test_the_twelve_are_no_other_benchmarks() -> None:
    assert len(IMAGENET_3DCC) == 12
    assert not set(IMAGENET_3DCC) & {*CORRUPTIONS, *EXTRA_CORRUPTIONS, *C_BAR_CORRUPTIONS}


def test_a_part_of_it_says_what_it_lacks_and_others_are_refused(tmp_path: Path) -> None:
    data = opened_official(f"imagenet-3dcc:{write_files(tmp_path / 'one', photos('fog_3d'))}")
    assert data.corruptions == ("fog_3d",)
    assert "only fog_3d of the 12 corruptions" in data.notes[0]
    with pytest.raises(DataError, match="holds none of near_focus"):
        open_data(f"imagenet-3dcc:{write_files(tmp_path / 'c', photos('fog'))}")


def test_conditions_are_named_as_those_of_other_corruptions() -> None:
    assert [one.name for one in conditions_of(["fog_3d", "h265_crf@2-3"])] == [
        *(f"fog_3d@{severity}" for severity in range(1, 6)),
        "h265_crf@2",
        "h265_crf@3",
    ]
    with pytest.raises(UsageError, match="severities go from 1 to 5"):
        conditions_of(["fog_3d@6"])


def test_none_is_generated() -> None:
    source = Source.choose(opened("digits"), limit=None, seed=0)
    plan = make_plan(source, [tiny_checkpoint(classes=10)], conditions_of(["clean", "fog_3d@3"]))
    assert [one.reason for one in plan.skipped] == [
        "corruptions of 3DCC are not generated, only read of imagenet-3dcc:DIR"
    ]


def test_its_mean_stands_apart(tmp_path: Path) -> None:
    data = opened_official(f"imagenet-3dcc:{write_files(tmp_path / 'set', photos(*IMAGENET_3DCC))}")
    plan = make_plan(
        Source.choose(data, limit=None, seed=0), [tiny_checkpoint(classes=1000)], conditions_of(IMAGENET_3DCC)
    )
    run_sweep(plan, CellStore(tmp_path / "run")).raise_if_failed()
    (unit,) = split_units(load_frame(tmp_path / "run"))
    tables = {table.slug: table for table in corruption_tables(unit, [])}
    assert MEAN_3DCC.title in [column.title for column in tables["headline"].columns]
    assert [row[1] for row in tables["3dcc_corruptions"].rows] == [*IMAGENET_3DCC, MEAN_3DCC.title]
    means = [row[2] for row in tables["3dcc_corruptions"].rows]
    assert means[-1] == pytest.approx(np.mean(means[:-1]))
