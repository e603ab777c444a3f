"""Corrupted images written as the tree of ImageNet-C."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from corrupted_folders import checksums, contents, severities, sweep_of, written
from image_trees import archive_of, encoded, opened, opened_official, pixels, write_files
from PIL import Image
from tiny_sweeps import same

from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K
from robustsweep.benchmark.plan.conditions import Clean, Condition, Corrupted
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.writing import plan_writing
from robustsweep.errors import DataError, UsageError
from robustsweep.results.stored.store import CellStore

FIRST, SECOND = IMAGENET_1K.wnids[3], IMAGENET_1K.wnids[900]
# Other suffixes, and a stem whose place in the order depends on the suffix.
NAMES = (f"{FIRST}/1.JPEG", f"{FIRST}/a.png", f"{FIRST}/a.b.jpg", f"{SECOND}/2.JPEG", f"{SECOND}/c.bmp")
KINDS = {"JPEG": "JPEG", "jpg": "JPEG", "png": "PNG", "bmp": "BMP"}
SOME = ("shot_noise", "frost", "pixelate")


def photos(root: Path) -> Path:
    files = {}
    for seed, name in enumerate(NAMES):
        image = pixels(seed, 6, 7).resize((44, 40), Image.Resampling.BICUBIC)
        files[name] = encoded(image, KINDS[name.rsplit(".", 1)[1]])
    return write_files(root, files)


def wanted(*corruptions: str) -> list[Condition]:
    return [c for c in conditions_of(["imagenet-c"]) if isinstance(c, Corrupted) and c.corruption in corruptions]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"imagenet:{photos(tmp_path_factory.mktemp('photos'))},crop=40"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, clean: str) -> Path:
    folder = tmp_path_factory.mktemp("imagenet-c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robustsweep.benchmark.plan.suites.COMMON", SOME)
        summary = written(clean, ["imagenet-c"], folder, workers=2)
    assert (summary.written, summary.reused, summary.failed) == (15, 0, ())
    return folder


def test_a_sweep_of_a_written_tree_equals_the_sweep_that_generates_it(tree: Path, clean: str, tmp_path: Path) -> None:
    conditions = [Clean(), *wanted(*SOME)]
    generated = sweep_of(clean, conditions, tmp_path / "generated")
    read = sweep_of(f"imagenet-c:{tree},clean={clean}", conditions, tmp_path / "read")
    assert same(read[0], generated[0])
    assert read[1:] == generated[1:]
    assert len(generated[0]) == 1 + 15
    assert len(set(read[1])) == len(NAMES)


def test_a_written_tree_is_never_taken_for_the_published_one(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "copy")
    packed = archive_of(tmp_path / "copy", ".tar", "wrapper/")
    for path in (tree, packed):
        data = opened_official(f"imagenet-c:{path}")
        assert data.provenance == "generated"
        assert "with seed 0 and imagenet severities, then JPEG quality 85" in data.notes[0]
        assert len(data.corruptions) == 3
    (tmp_path / "copy" / "corrupt.json").write_text("{}")
    with pytest.raises(DataError, match="corrupt.json is not a manifest of written images"):
        opened_official(f"imagenet-c:{tmp_path / 'copy'}")


def test_the_files_are_jpeg_of_quality_85_with_half_the_chroma_and_own_huffman_tables(tree: Path) -> None:
    content = (tree / "frost" / "3" / FIRST / "a.b.JPEG").read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        again = io.BytesIO()
        image.save(again, "JPEG", quality=85)
        same_tables = Image.open(io.BytesIO(again.getvalue())).quantization == image.quantization
        assert (image.format, image.size, same_tables) == ("JPEG", (40, 40), True)
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]
    assert len(content) < len(again.getvalue())


def test_every_severity_holds_the_stems_of_the_images_and_nothing_else(tree: Path) -> None:
    expected = {f"{name.rsplit('.', 1)[0]}.JPEG" for name in NAMES}
    files = contents(tree)
    assert files.keys() == {"corrupt.json", "SHA256SUMS"} | {
        f"{corruption}/{severity}/{name}" for corruption in SOME for severity in range(1, 6) for name in expected
    }
    assert {path.name for path in tree.iterdir()} == {*SOME, "corrupt.json", "SHA256SUMS"}


def test_the_checksums_are_those_that_sha256sum_checks(tree: Path) -> None:
    found = contents(tree)
    assert checksums(tree) == {name: digest for name, digest in found.items() if "/" in name}
    try:
        subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=tree, check=True)
    except FileNotFoundError:
        pytest.skip("sha256sum is not installed")


def test_names_that_need_escapes_are_written_as_sha256sum_writes_them(tmp_path: Path) -> None:
    root = write_files(
        tmp_path / "odd", {"c/a\\b.png": encoded(pixels(0, 40, 40)), "c/d.png": encoded(pixels(1, 40, 40))}
    )
    written(f"imagefolder:{root}", ["brightness@1"], tmp_path / "set")
    marked, plain = (tmp_path / "set" / "SHA256SUMS").read_text().splitlines()
    assert (marked[0], marked[65:], plain[64:]) == ("\\", "  brightness/1/c/a\\\\b.JPEG", "  brightness/1/c/d.JPEG")


def test_a_tree_takes_single_severities_and_says_that_it_compresses_them(tmp_path: Path, clean: str) -> None:
    writing = plan_writing(clean, ["fog@2", "contrast@4"])
    assert "JPEG of quality 85, also of conditions" in writing.notes[0]
    assert {condition.jpeg_quality for condition in writing.conditions} == {85}
    (size,) = plan_writing(clean, ["imagenet-c"]).notes
    assert "imagenet severities were tuned for images of 224x224 pixels, these have 40x40" in size
    written(clean, ["fog@2", "contrast@4"], tmp_path / "set")
    assert sorted(path.name for path in (tmp_path / "set").glob("*/*")) == ["2", "4"]
    leaf = opened(f"imagefolder:{tmp_path / 'set' / 'fog' / '2'}")
    assert (len(leaf), leaf.classes) == (5, 2)
    assert leaf.ids.tolist() == opened(clean).ids.tolist()


def test_a_limited_tree_holds_the_images_of_the_generated_subset(tmp_path: Path, clean: str) -> None:
    written(clean, severities("pixelate"), tmp_path / "set", limit=3)
    conditions = [Clean(), *(Corrupted("pixelate", severity, None, 85) for severity in range(1, 6))]
    generated = sweep_of(clean, conditions, tmp_path / "generated", limit=3)
    read = sweep_of(f"imagenet-c:{tmp_path / 'set'},clean={clean}", conditions, tmp_path / "read")
    assert same(read[0], generated[0])
    assert read[1:] == generated[1:]
    assert {cell.counts.n for cell in CellStore(tmp_path / "read").cells()} == {3}


def test_files_that_differ_in_the_suffix_alone_have_ids_of_their_own_and_make_no_tree(tmp_path: Path) -> None:
    content = encoded(pixels(0, 40, 40))
    root = write_files(
        tmp_path / "twins", {"c/a.bmp": content, "c/a.png": content, "c/b.png": content, "d/a.png": content}
    )
    assert len(set(opened(f"imagefolder:{root}").ids.tolist())) == 4
    with pytest.raises(DataError, match="c/a.bmp and c/a.png would both be written as c/a.JPEG"):
        plan_writing(f"imagefolder:{root}", ["fog@1"])


def test_a_tree_without_the_final_jpeg_is_refused(clean: str) -> None:
    with pytest.raises(UsageError, match="no tree without the final JPEG; use arrays"):
        plan_writing(clean, ["imagenet-c"], final_jpeg=False)


def test_images_of_32_pixels_can_be_a_tree_on_request(tmp_path: Path) -> None:
    root = write_files(tmp_path / "small", {f"{FIRST}/1.png": encoded(pixels(0, 32, 32))})
    written(f"imagenet:{root},crop=32", severities("contrast"), tmp_path / "set", layout="trees")
    data = opened_official(f"imagenet-c:{tmp_path / 'set'}")
    data.check("contrast")
    assert np.unique(data.labels).tolist() == [3]
