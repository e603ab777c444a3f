"""What the corruptions look like: pictures from the run folder, and what the methods predicted for them."""

import base64
import io
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_builder import RunBuilder
from test_html_page import HOSTILE, Page

from robustsweep.results.corruption_names import CORRUPTIONS, EXTRA_CORRUPTIONS
from robustsweep.results.report.document import Report, build_report
from robustsweep.results.report.html.page import report_html
from robustsweep.results.report.html.strip_images import MOST_BYTES, strip_images
from robustsweep.results.report.strips import MOST_METHODS, Prediction, Strip, Strips
from robustsweep.results.report.writer import write_report
from robustsweep.results.stored.cells import Cell, setting_of
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.sample_images import Samples

N, KEY = 6, "a" * 64
LABELS = [0, 1, 2, 0, 1, 2]
IDS = np.array([4, 2])
NAMES = ("cat", "dog", "sea_anemone")
CLEAN = {"name": "clean", "kind": "clean"}
URI = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]*")


def condition(corruption: str, severity: int) -> dict[str, object]:
    described = {"name": f"{corruption}@{severity}", "kind": "corruption", "corruption": corruption}
    return described | {"severity": severity, "table": "cifar", "jpeg_quality": None}


def keep(builder: RunBuilder, cell: Cell) -> None:
    """Store two flat pictures of a cell, whose grey says which they are."""
    grey = 20 + 40 * cell.condition.get("severity", 0)
    pixels = np.stack([np.full((32, 32, 3), grey + 10 * k, np.uint8) for k in range(2)])
    builder.store.samples.write(setting_of(cell.identity), Samples(IDS, pixels))


def fill(
    builder: RunBuilder,
    methods: Sequence[str] = ("baseline",),
    seeds: int = 1,
    conditions: Sequence[dict[str, object]] = (CLEAN, *(condition("fog", s) for s in (1, 5))),
) -> None:
    """Write checkpoints that say class 0 in seed 0, and the truth in others; clean images are always right."""
    builder.n = N
    for method in methods:
        for seed in range(seeds):
            builder.card(f"{method}{seed}", method, seed)
            for one in conditions:
                says = LABELS if seed or one is CLEAN else [0] * N
                keep(builder, builder.answers(f"{method}{seed}", one, says, LABELS))
    builder.store.samples.write_class_names(KEY, NAMES)


def strips_of(builder: RunBuilder) -> Strips:
    (section,) = build_report([builder.root]).sections
    return section.strips


def pictures(text: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) for uri in URI.findall(text)]


def csv_files(builder: RunBuilder, out: Path) -> dict[str, bytes]:
    write_report([builder.root], out, ["csv"])
    return {path.name: path.read_bytes() for path in out.rglob("*.csv")}


def test_a_strip_has_the_pictures_in_order_and_what_each_method_predicts(builder: RunBuilder) -> None:
    fill(builder, conditions=(condition("snow", 3), condition("fog", 5), CLEAN, condition("fog", 1)))
    found = strips_of(builder)
    assert [(s.corruption, s.place, s.label) for s in found.strips] == [
        ("snow", 0, "dog"),
        ("snow", 1, "sea anemone"),
        ("fog", 0, "dog"),
        ("fog", 1, "sea anemone"),
    ]
    fog = found.strips[3]
    assert fog.shown == ("clean", "1", "5")
    assert [int(pixels[0, 0, 0]) for pixels in fog.pixels] == [30, 70, 230]
    right, wrong = Prediction("right", "sea anemone"), Prediction("wrong", "cat")
    assert fog.predictions == {"baseline": (right, wrong, wrong)}
    assert found.notes == ()


def test_of_several_seeds_it_is_said_how_many_are_right(builder: RunBuilder) -> None:
    fill(builder, ("baseline", "cutmix"), seeds=3)
    (dog, *_) = strips_of(builder).strips
    mixed = Prediction("mixed", "2 of 3")
    assert dog.predictions["CutMix (3 seeds)"] == (Prediction("right", "3 of 3"), mixed, mixed)


def test_numbers_stand_for_classes_without_names(builder: RunBuilder) -> None:
    fill(builder)
    (builder.root / "samples" / f"{KEY[:16]}.json").unlink()
    (first, *_) = strips_of(builder).strips
    assert first.label == "1"
    assert first.predictions["baseline"][1] == Prediction("wrong", "0")


def test_a_compacted_run_tells_right_from_wrong_and_no_classes(builder: RunBuilder) -> None:
    fill(builder)
    (identifier,) = {cell.checkpoint["id"] for cell in builder.store.cells()}
    compact_checkpoint(builder.store, identifier)
    whole = strips_of(builder).strips[0].predictions["baseline"]
    shutil.rmtree(builder.root / "cells")
    compacted = strips_of(builder).strips[0].predictions["baseline"]
    assert [one.text for one in compacted] == ["right", "wrong", "wrong"]
    assert [one.outcome for one in compacted] == [one.outcome for one in whole]


def test_a_run_without_pictures_has_no_strips_and_a_page_that_allows_none(builder: RunBuilder) -> None:
    fill(builder)
    shutil.rmtree(builder.root / "samples")
    report = build_report([builder.root])
    assert report.sections[0].strips == Strips()
    text = report_html(report)
    assert "What the corruptions look like" not in text
    assert "img-src" not in text
    clean_alone = RunBuilder(builder.root.with_name("clean"))
    fill(clean_alone, conditions=(CLEAN,))
    assert strips_of(clean_alone) == Strips()


def page_of(builder: RunBuilder) -> tuple[str, Page, Report]:
    report = build_report([builder.root])
    text = report_html(report)
    return text, Page(text), report


def test_the_page_shows_each_strip_as_one_labelled_picture_and_marks_right_and_wrong_by_signs(
    builder: RunBuilder,
) -> None:
    fill(builder, ("baseline", "cutmix"))
    text, page, _ = page_of(builder)
    assert not page.open
    (policy,) = (str(meta["content"]) for meta in page.all("meta") if "http-equiv" in meta)
    assert "img-src data:;" in policy
    (dog, anemone) = page.all("img")
    assert dog["alt"] == ("The image, of class dog, from left to right: clean, fog at severity 1, fog at severity 5.")
    assert "sea anemone" in str(anemone["alt"])
    assert all(str(image["src"]).startswith("data:image/jpeg;base64,") for image in (dog, anemone))
    shown = re.findall(r'<td class="(right|wrong)">([^<]*)</td>', text)
    assert len(shown) == 2 * 2 * 3
    assert set(shown) == {("right", "✓ dog"), ("right", "✓ sea anemone"), ("wrong", "✗ cat")}
    assert len(page.all("table")) == len(page.all("caption"))
    assert all("scope" in header for header in page.all("th"))
    for picture, greys in zip(pictures(text), ([20, 60, 220], [30, 70, 230]), strict=True):
        assert (picture.format, picture.size) == ("JPEG", (96, 32))
        pixels = np.asarray(picture, dtype=int)
        for place, grey in enumerate(greys):
            assert abs(pixels[:, 32 * place : 32 * place + 32] - grey).max() <= 2


def noisy_strips(sections: int, side: int) -> list[Strip]:
    """Draw strips of 19 corruptions with two images each, which no encoder makes small."""
    noise = np.random.default_rng(0)
    return [
        Strip(name, place, "cat", ("clean", *"12345"), tuple(noise.integers(0, 256, (6, side, side, 3), np.uint8)), {})
        for _ in range(sections)
        for name in (*CORRUPTIONS, *EXTRA_CORRUPTIONS)
        for place in range(2)
    ]


@pytest.mark.parametrize(("sections", "side"), [(1, 32), (1, 96), (8, 96), (8, 28)])
def test_pictures_of_19_corruptions_take_no_more_than_300_kb_even_of_noise(sections: int, side: int) -> None:
    strips = noisy_strips(sections, side)
    found = strip_images(strips)
    assert MOST_BYTES == 300_000
    assert sum(map(len, found.values())) <= MOST_BYTES
    shown = [strip for strip in strips if strip in found]
    if sections == 1:  # no corruption is left out, at most its second image
        assert {strip.corruption for strip in shown} == {*CORRUPTIONS, *EXTRA_CORRUPTIONS}
    else:  # the first ones in the order of the page
        firsts = [strip for strip in strips if strip.place == 0]
        assert shown == firsts[: len(shown)] != []
    for picture in pictures(" ".join(found.values())):
        width, height = picture.size
        assert width == 6 * height
        picture.load()


def test_names_of_classes_stay_text(builder: RunBuilder) -> None:
    fill(builder, (f"cutmix{HOSTILE}",))
    builder.store.samples.write_class_names(KEY, [f"x{HOSTILE}"[:32], f"<b>{HOSTILE}", "\udcff\x1b"])
    text, page, _ = page_of(builder)
    assert len(page.all("img")) == 2
    assert len(page.all("script")) == 1
    assert not page.all("b")
    assert "\x1b" not in text
    assert all(set(image) == {"src", "alt"} for image in page.all("img"))


def test_of_many_methods_the_baseline_and_the_lowest_errors_are_shown(builder: RunBuilder) -> None:
    fill(builder, ("zero", "baseline", *(f"method{k}" for k in range(MOST_METHODS))))
    text, _, report = page_of(builder)
    (first, *_) = report.sections[0].strips.strips
    assert len(first.predictions) == MOST_METHODS
    assert "baseline" in first.predictions
    assert f"Of {MOST_METHODS + 2} methods {MOST_METHODS} are shown" in text


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _replaced_by_another(path: Path) -> None:
    other = next(one for one in sorted(path.parent.glob(f"*{path.suffix}")) if one != path)
    path.write_bytes(other.read_bytes())


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [_truncated, _flipped, _replaced_by_another, _link, _folder])
def test_a_damaged_picture_is_named_and_changes_no_number(
    builder: RunBuilder, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    fill(builder)
    before = csv_files(builder, tmp_path / "before")
    fog = next(cell for cell in builder.store.cells() if cell.condition["name"] == "fog@5")
    (path,) = (p for p in builder.root.glob("samples/*.npz") if p.name == _name(fog))
    damage(path)
    text, _, report = page_of(builder)
    assert path.name in " ".join(report.sections[0].strips.notes)
    assert path.name in text
    assert [strip.shown for strip in report.sections[0].strips.strips] == [("clean", "1")] * 2
    assert csv_files(builder, tmp_path / "after") == before


def test_of_much_damage_the_first_is_named_and_the_rest_counted(builder: RunBuilder) -> None:
    names = CORRUPTIONS[:8]
    fill(builder, conditions=(CLEAN, *(condition(name, 1) for name in names)))
    for path in builder.root.glob("samples/*.npz"):
        path.write_bytes(b"")
    found = strips_of(builder)
    assert found.strips == ()
    assert len(found.notes) == 6
    assert found.notes[-1] == "4 more pictures or predictions cannot be read."
    (builder.root / "samples").rename(builder.root.with_name("elsewhere"))
    (builder.root / "samples").symlink_to(builder.root.with_name("elsewhere"))
    (note,) = strips_of(builder).notes
    assert "samples is a link" in note


@pytest.mark.parametrize("damage", [_truncated, _flipped])
def test_damaged_names_of_classes_are_named_and_change_no_number(
    builder: RunBuilder, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    fill(builder)
    before = csv_files(builder, tmp_path / "before")
    (path,) = builder.root.glob("samples/*.json")
    damage(path)
    found = strips_of(builder)
    assert path.name in " ".join(found.notes)
    assert found.strips[0].label == "1"
    assert csv_files(builder, tmp_path / "after") == before


def _name(cell: Cell) -> str:
    import hashlib

    return f"{hashlib.sha256(setting_of(cell.identity).encode()).hexdigest()[:16]}.npz"


@pytest.mark.parametrize(
    ("ids", "shape", "dtype"),
    [
        ([1, 2, 3], (3, 8, 8, 3), np.uint8),
        ([1], (2, 8, 8, 3), np.uint8),
        ([1], (1, 97, 8, 3), np.uint8),
        ([1], (1, 8, 0, 3), np.uint8),
        ([1], (1, 8, 8, 4), np.uint8),
        ([1], (8, 8, 3), np.uint8),
        ([1], (1, 8, 8, 3), np.float64),
        ([], (0, 8, 8, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_refused_though_their_checksum_fits(
    builder: RunBuilder, ids: list[int], shape: tuple[int, ...], dtype: type
) -> None:
    fill(builder)
    fog = next(cell for cell in builder.store.cells() if cell.condition["name"] == "fog@5")
    builder.store.samples.write(setting_of(fog.identity), Samples(np.array(ids, np.int64), np.zeros(shape, dtype)))
    found = strips_of(builder)
    assert "holds other pictures than those of its name" in " ".join(found.notes)
    assert found.strips[0].shown == ("clean", "1")
