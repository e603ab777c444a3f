"""Measured maps: what is stored, what is refused, their tables and figures, and their place in a report."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from measured_maps import ABOUT, N, checkpoint, mapped_images, stored_map, written
from run_builder import RunBuilder
from scipy import stats

from robustsweep.errors import DataError
from robustsweep.results.report.attribution.map_arrays import MapSet
from robustsweep.results.report.attribution.map_figures import map_figures
from robustsweep.results.report.attribution.map_numbers import numbers_csv
from robustsweep.results.report.attribution.map_tables import SANITY, map_tables
from robustsweep.results.report.attribution.method_maps import MethodMaps
from robustsweep.results.report.attribution.stored_maps import MapFiles
from robustsweep.results.report.attribution.written_maps import write_maps
from robustsweep.results.report.writer import write_report
from robustsweep.results.stored.sealed_arrays import sealed_arrays
from robustsweep.results.tables.table import Table


def read(files: MapFiles) -> MapSet:
    found = files.read()
    assert found is not None
    return found


def tables_of(found: MapSet) -> dict[str, Table]:
    return {table.slug: table for table in map_tables(MethodMaps(found))}


def test_what_is_written_is_read_again(tmp_path: Path):
    assert MapFiles(tmp_path).read() is None
    found = read(written(tmp_path))
    assert found.images.about == ABOUT
    assert [one["name"] for one in found.checkpoints] == ["baseline-0", "baseline-1", "cutmix-0", "cutmix-1"]
    mine, again = stored_map({"hard": 0.3, "linear": 0.2, "gauss": 0.1}), found.maps["0" * 12, "cam"]
    for one in fields(mine):
        assert np.array_equal(getattr(mine, one.name), getattr(again, one.name), equal_nan=one.name == "clean")


BAD_IMAGES = {
    "float ids": {"ids": np.arange(N, dtype=float)},
    "too few labels": {"labels": np.arange(N - 1)},
    "an image twice": {"ids": np.zeros(N, np.int64)},
    "a picture of nothing": {"shown": np.array([0, N])},
    "large pictures": {"pictures": np.zeros((2, 97, 8, 3), np.uint8), "pasted": np.zeros((3, 2, 97, 8, 3), np.uint8)},
    "grey pictures": {"pictures": np.zeros((2, 8, 8, 1), np.uint8)},
    "many pictures": {"shown": np.arange(5), "pictures": np.zeros((5, 8, 8, 3), np.uint8)},
    "two edges": {"pasted": np.zeros((2, 2, 8, 8, 3), np.uint8)},
    "flat pictures": {"pictures": np.zeros(4, np.uint8)},
    "another kind of target": {"about": {**ABOUT, "target": "<b>"}},
    "a name that is none": {"about": {**ABOUT, "data": 3}},
    "no name": {"about": {}},
}
BAD_MAPS = {
    "a score beyond 1": {"clean": np.full((N, 4), 1.5)},
    "infinity": {"clean": np.full((N, 4), np.inf)},
    "few windows": {"windows": np.zeros((3, N, 3))},
    "other images": {"targets": np.arange(N + 1)},
    "other pictures": {"pictures": np.zeros((2, 9, 8), np.uint8)},
    "float pictures": {"pictures": np.zeros((2, 8, 8))},
}


@pytest.mark.parametrize("what", BAD_IMAGES)
def test_images_that_do_not_fit_are_refused(what: str, tmp_path: Path):
    files = written(tmp_path)
    files.write_images(mapped_images(**BAD_IMAGES[what]))
    with pytest.raises(DataError, match=r"images\.npz .*run robustsweep attribute again"):
        files.read()


@pytest.mark.parametrize("what", BAD_MAPS)
def test_maps_that_do_not_fit_are_refused(what: str, tmp_path: Path):
    files = written(tmp_path)
    files.write_map(checkpoint(0, "baseline"), "cam", mapped_images(), stored_map(**BAD_MAPS[what]))
    with pytest.raises(DataError, match=r"cam\.npz is damaged: .*run robustsweep attribute again"):
        files.read()


def test_files_of_others_are_refused(tmp_path: Path):
    files = written(tmp_path)
    mine = tmp_path / "maps" / ("0" * 12)
    content = (mine / "cam.npz").read_bytes()
    (mine / "gradcam.npz").write_bytes(content)
    with pytest.raises(DataError, match="map of other images or of another checkpoint"):
        files.read()
    (mine / "gradcam.npz").write_bytes(sealed_arrays({"targets": np.array(3)}))
    with pytest.raises(DataError, match="does not hold maps with a checksum"):
        files.read()
    (mine / "gradcam.npz").write_bytes(content[:-5])
    with pytest.raises(DataError, match="cannot be read"):
        files.read()
    (mine / "gradcam.npz").unlink()
    (mine / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz is not a name of a run's own"):
        files.read()
    (mine / "x.npz").unlink()
    (tmp_path / "checkpoints" / f"{'0' * 12}.json").unlink()
    with pytest.raises(DataError, match="lacks checkpoints/000000000000.json"):
        files.read()


def test_windows_by_edge_are_means_with_intervals_over_images_and_seeds(tmp_path: Path):
    table = tables_of(read(written(tmp_path)))["attribution_window"]
    names = [column.name for column in table.columns]
    assert [row[:3] for row in table.rows[:2]] == [("cam", "image", "baseline"), ("cam", "image", "cutmix")]
    hard = names.index("hard")
    # 0.3 for one seed and 0.32 for the other, and 0 to 0.05 by image.
    assert table.rows[0][hard] == pytest.approx(0.31 + 0.025)
    assert [row[hard] for row in table.rows[::2]] == pytest.approx([0.335, 0.435, 0.535]), "image, mean, noise"
    assert table.rows[0][names.index("hard_minus_gauss")] == pytest.approx(0.21)
    images, seeds = np.var(np.arange(N) / 100, ddof=1) / N, np.var([0.3, 0.32], ddof=1) / 2
    degrees = (images + seeds) ** 2 / (images**2 / (N - 1) + seeds**2)
    half = stats.t.isf(0.025, degrees) * np.sqrt(images + seeds)
    assert table.intervals[0, hard] == pytest.approx((0.335 - half, 0.335 + half))


def test_methods_are_compared_with_the_baseline_paired_by_image(tmp_path: Path):
    table = tables_of(read(written(tmp_path)))["attribution_against_baseline"]
    assert {row[3] for row in table.rows} == {"cutmix"}
    assert table.rows[0][4:] == pytest.approx((0.15, 0.15))
    low, high = table.intervals[0, 4]
    assert low < 0.15 < high
    without = read(written(tmp_path))
    only = {key: one for key, one in without.maps.items() if key[0] > f"{1:012x}"}
    found = MapSet(without.images, without.checkpoints[2:], only)
    assert "attribution_against_baseline" not in tables_of(found)


def test_methods_that_were_trained_otherwise_are_not_compared_with_the_baseline(tmp_path: Path):
    files = written(tmp_path)
    other = checkpoint(9, "mixup", name="other")
    other["card"] |= {"recipe_hash": "1" * 64, "recipe": "long", "epochs": 300}
    files.write_map(other, "cam", mapped_images(), stored_map())
    tables = tables_of(read(files))
    assert {row[3] for row in tables["attribution_against_baseline"].rows} == {"cutmix"}
    assert {row[2] for row in tables["attribution_window"].rows} == {"baseline", "cutmix", "mixup"}
    assert any("not all trained alike" in note for note in tables["attribution_window"].notes)
    (tmp_path / "again").mkdir()
    assert not any("alike" in note for note in tables_of(read(written(tmp_path / "again")))["attribution_window"].notes)


def test_maps_without_mass_are_left_out_and_counted(tmp_path: Path):
    files, images = MapFiles(tmp_path), mapped_images()
    files.write_images(images)
    clean = stored_map().clean
    clean[:4, :2] = np.nan
    for number in (0, 1):
        files.write_map(checkpoint(number, "mixup", number), "cam", images, stored_map(clean=clean))
    table = tables_of(read(files))["attribution_curves"]
    row = dict(zip([column.name for column in table.columns], table.rows[0], strict=True))
    assert row["images"] == 2
    assert row["deletion"] == pytest.approx(0.245)
    assert row["misclassified"] == pytest.approx(np.mean(np.arange(N) % 2 != np.arange(N) % 3))
    clean[:5, :2] = np.nan
    files.write_map(checkpoint(1, "mixup", 1), "cam", images, stored_map(clean=clean))
    table = tables_of(read(files))["attribution_curves"]
    assert table.rows[0][2] == pytest.approx(0.25)
    assert (0, 2) not in table.intervals, "one image has no interval"
    clean[:, :2] = np.nan
    files.write_map(checkpoint(1, "mixup", 1), "cam", images, stored_map(clean=clean))
    assert tables_of(read(files))["attribution_curves"].rows[0][2] is None


def test_images_are_shown_apart_by_whether_all_seeds_are_right(tmp_path: Path):
    files, images = MapFiles(tmp_path), mapped_images()
    files.write_images(images)
    right = np.array([True, True, True, False, False, True])
    for seed, wrong_too in enumerate(([], [0])):
        is_right = right & ~np.isin(np.arange(N), wrong_too)
        predicted = np.where(is_right, images.labels, images.labels + 1)
        files.write_map(checkpoint(seed, "mixup", seed), "cam", images, stored_map(predicted=predicted))
    table = tables_of(read(files))["attribution_outcomes"]
    assert [(row[1], row[-1]) for row in table.rows] == [("right", 3), ("wrong", 2)]
    assert table.rows[0][3] == pytest.approx(0.2 + np.mean([0.01, 0.02, 0.05]))
    assert table.rows[1][3] == pytest.approx(0.2 + np.mean([0.03, 0.04]))
    for seed in (0, 1):
        files.write_map(checkpoint(seed, "mixup", seed), "cam", images, stored_map(predicted=images.labels))
    assert "attribution_outcomes" not in tables_of(read(files))


def test_objects_have_columns_where_there_are_boxes(tmp_path: Path):
    found = read(written(tmp_path))
    assert "object_share" not in [column.name for column in tables_of(found)["attribution_curves"].columns]
    clean = stored_map().clean
    clean[:3, 2:] = 0.5, 0.25
    maps = {key: replace(one, clean=clean) for key, one in found.maps.items()}
    table = tables_of(replace(found, maps=maps))["attribution_curves"]
    names = [column.name for column in table.columns]
    assert table.rows[0][names.index("object_share")] == pytest.approx(0.5)
    assert table.rows[0][names.index("object_excess")] == pytest.approx(0.25)


def test_every_number_is_in_the_tidy_table_and_texts_compute_nothing(tmp_path: Path):
    files, images = MapFiles(tmp_path), mapped_images()
    files.write_images(images)
    files.write_map(checkpoint(0, "=1+1", name="=2+2"), "cam", images, stored_map())
    lines = numbers_csv(MethodMaps(read(files))).splitlines()
    assert len(lines) == 1 + N * (2 + 27 * 3)
    assert lines[1] == "000000000000,'=2+2,'=1+1,0,0,0,0,0,cam,clean,deletion,0.2"


def test_figures_take_any_name_and_any_map(tmp_path: Path):
    files, images = MapFiles(tmp_path), mapped_images()
    files.write_images(images)
    for name in ("cam", "guided_backprop"):
        zero = stored_map(pictures=np.zeros((2, 8, 8), np.uint8), windows=np.zeros((0, N, 3)))
        bare = replace(zero, pasted=np.zeros((0, 2, 8, 8), np.uint8))
        files.write_map(checkpoint(0, "$x_{", name="$\\frac{"), name, images, bare if name == "cam" else stored_map())
    maps = MethodMaps(read(files))
    pictures = {picture.slug: picture for picture in map_figures(maps)}
    assert SANITY in pictures["attribution_maps"].title
    assert "Guided" in pictures["attribution_windows"].title
    for picture in pictures.values():
        assert picture.rendered("png")[:4] == b"\x89PNG"
        assert picture.rendered("svg") == picture.rendered("svg")
    for path in write_maps(tmp_path / "out", maps.found):
        assert path.stat().st_size > 0


def test_a_report_holds_the_maps_of_its_run(tmp_path: Path, builder: RunBuilder):
    builder.clean("net", 900)
    written(builder.root, "attributions")
    page = write_report([builder.root], formats=("html", "csv", "md"))
    html = (builder.root / "report/report.html").read_text()
    assert "Where networks look" in html
    assert html.count("data:image/png") > 10
    assert "img-src data:" in html, "else no browser shows them"
    assert "attribution_against_baseline" in [table.slug for table in page.tables]
    assert (builder.root / "report/tables/attribution_window.csv").is_file()
    assert "attribution_maps.png" in (builder.root / "report/report.md").read_text()


def test_a_report_names_maps_that_cannot_be_read_and_goes_on(tmp_path: Path, builder: RunBuilder):
    builder.clean("net", 900)
    written(builder.root, "attributions").write_images(mapped_images(**BAD_IMAGES["large pictures"]))
    page = write_report([builder.root], formats=("md",))
    (note,) = [note for note in page.sections[0].unit.notes if "Maps are left out" in note]
    assert "images.npz is damaged" in note
    assert not [table for table in page.tables if "attribution" in table.slug]


def test_two_runs_keep_their_maps_apart(tmp_path: Path, make_builder):
    runs = [make_builder(name) for name in ("first", "second")]
    for number, run in enumerate(runs):
        run.clean(f"net{number}", 900)
        written(run.root, "attributions")
    page = write_report([run.root for run in runs], tmp_path / "out", formats=("md",))
    slugs = [table.slug for table in page.tables]
    assert len(slugs) == len(set(slugs))
    assert {"run1_attribution_curves", "run2_attribution_curves"} <= set(slugs)
