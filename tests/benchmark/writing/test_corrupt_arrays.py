"""Corrupted images written as the arrays of CIFAR-C."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corrupted_folders import array, checksums, contents, severities, sweep_of, written
from image_trees import encoded, opened, pixels, write_files
from tiny_sweeps import same, stored
from torch import Tensor

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.plan.conditions import Clean, Corrupted
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.writing import plan_writing
from robustsweep.corruptions import jpeg_round_trip
from robustsweep.errors import CellsFailedError, DataError, UsageError
from robustsweep.results.stored.store import CellStore

SOME = ("gaussian_noise", "jpeg_compression", "glass_blur")


@pytest.fixture(scope="module")
def digits_c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits-c")
    summary = written("digits", severities(*SOME), folder)
    assert (summary.written, summary.reused, summary.failed) == (3, 0, ())
    return folder


def test_a_sweep_of_written_digits_equals_the_sweep_that_generates_them(digits_c: Path, tmp_path: Path) -> None:
    wanted = [c for c in conditions_of(["cifar-c"]) if isinstance(c, Corrupted) and c.corruption in SOME]
    generated = sweep_of("digits", [Clean(), *wanted], tmp_path / "generated")
    spec = f"cifar10-c:{digits_c},name=digits-c,clean=digits"
    read = sweep_of(spec, [Clean(), *wanted], tmp_path / "read")
    assert same(read[0], generated[0])
    assert read[1:] == generated[1:]
    assert len(generated[0]) == 1 + 15


def test_written_arrays_are_never_called_official(digits_c: Path, tmp_path: Path) -> None:
    sweep_of(f"cifar10-c:{digits_c}", [Corrupted("glass_blur", 1)], tmp_path)
    (cell,) = CellStore(tmp_path).cells()
    assert cell.data["provenance"] == cell.identity["provenance"] == "generated"
    note, lacking = cell.data["notes"]
    assert "not the published ones" in note
    assert "holds only gaussian_noise, glass_blur, jpeg_compression of the 15 corruptions" in lacking
    assert "from digits with seed 0 and cifar severities" in note


def test_the_arrays_have_the_published_shape_and_order(digits_c: Path) -> None:
    data = opened("digits")
    source = Source.choose(data, limit=None, seed=0)
    images = array(digits_c, "gaussian_noise")
    assert (images.dtype, images.shape) == (np.uint8, (5 * 360, 32, 32, 3))
    assert images.flags.c_contiguous
    clean = data.images(source.positions)
    for severity in (1, 4):
        condition = Corrupted("gaussian_noise", severity, "cifar")
        expected = source.generate(condition, clean, torch.from_numpy(data.ids))
        rows = images[(severity - 1) * 360 : severity * 360]
        assert np.array_equal(rows.transpose(0, 3, 1, 2), expected.numpy())
    labels = np.load(digits_c / "labels.npy")
    assert (labels.dtype, labels.tolist()) == (np.uint8, data.labels.tolist() * 5)


def test_nothing_lies_beside_the_arrays_but_what_describes_them(digits_c: Path) -> None:
    names = {f"{name}.npy" for name in (*SOME, "labels")}
    assert {path.name for path in digits_c.iterdir()} == names | {"corrupt.json", "SHA256SUMS"}
    found = contents(digits_c)
    assert checksums(digits_c) == {name: found[name] for name in names}


def test_the_manifest_says_what_decides_the_pixels(digits_c: Path) -> None:
    manifest = json.loads((digits_c / "corrupt.json").read_text())
    made = manifest["made_with"]
    assert (made["seed"], made["table"], made["jpeg_quality"], made["layout"]) == (0, "cifar", None, "arrays")
    assert (made["data"]["name"], made["data"]["preprocessing"], made["data"]["subset"]) == ("digits", "none", None)
    assert made["data"]["fingerprint"] == open_data("digits").fingerprint
    assert "opencv" in manifest["libraries"]["glass_blur@2"]
    assert manifest["libraries"]["jpeg_compression@2"] == {}
    assert manifest["written"] == dict.fromkeys(severities(*SOME), 360)


@pytest.mark.parametrize("final_jpeg", [True, False])
def test_the_final_jpeg_of_imagenet_c_is_kept_in_the_pixels_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, final_jpeg: bool
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.suites.COMMON", ("brightness",))
    written("digits", ["imagenet-c"], tmp_path, limit=20, final_jpeg=final_jpeg)
    source = Source.choose(open_data("digits"), limit=20, seed=0)
    plain = source.generate(
        Corrupted("brightness", 5, "imagenet"), source.read_clean(source.positions), torch.from_numpy(source.ids)
    )
    expected = jpeg_round_trip(plain, 85) if final_jpeg else plain
    assert np.array_equal(array(tmp_path, "brightness")[80:].transpose(0, 3, 1, 2), expected.numpy())
    assert not np.array_equal(jpeg_round_trip(plain, 85).numpy(), plain.numpy())


def test_a_subset_holds_the_images_of_the_generated_subset(tmp_path: Path) -> None:
    wanted = [Corrupted("shot_noise", severity) for severity in range(1, 6)]
    written("digits", severities("shot_noise"), tmp_path / "set", limit=30)
    generated = sweep_of("digits", wanted, tmp_path / "generated", limit=30)
    read = sweep_of(f"cifar10-c:{tmp_path / 'set'}", wanted, tmp_path / "read")
    assert same(read[0], generated[0])
    assert read[2] == generated[2]
    assert len(stored(tmp_path / "read")) == 5


def test_image_files_of_32_pixels_become_arrays_in_the_order_of_their_rows(tmp_path: Path) -> None:
    names = [f"c{i}/{i}.png" for i in range(10)]
    clean = write_files(tmp_path / "clean", {name: encoded(pixels(i, 32, 32)) for i, name in enumerate(names)})
    written(f"imagefolder:{clean}", severities("pixelate"), tmp_path / "set")
    wanted = [Clean(), *(Corrupted("pixelate", severity) for severity in range(1, 6))]
    generated = sweep_of(f"imagefolder:{clean}", wanted, tmp_path / "generated")
    spec = f"cifar10-c:{tmp_path / 'set'},clean=imagefolder:{clean}"
    assert same(sweep_of(spec, wanted, tmp_path / "read")[0], generated[0])


def test_a_corruption_that_cannot_be_generated_is_named_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "cv2", None)
        summary = written("digits", severities("spatter", "contrast"), tmp_path, limit=10)
    assert (summary.written, len(summary.failed)) == (1, 3)  # mud, from severity 4 on, is painted without OpenCV
    with pytest.raises(CellsFailedError, match="3 conditions could not be generated.*spatter@1: "):
        summary.raise_if_failed()
    assert not (tmp_path / "spatter.npy").exists()
    pytest.importorskip("cv2")
    generated, generate = [], Source.generate

    def generating(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        generated.append(condition.name)
        return generate(self, condition, clean, ids)

    monkeypatch.setattr(Source, "generate", generating)
    summary = written("digits", severities("spatter", "contrast"), tmp_path, limit=10)
    assert (summary.written, summary.reused, summary.failed) == (1, 1, ())
    assert generated == severities("spatter")  # an unfinished file is begun again with the library that is there now
    assert not (tmp_path / ".unfinished").exists()
    monkeypatch.setattr("cv2.__version__", "9.9")
    with pytest.raises(UsageError, match="other libraries: spatter@1 with .*, now .*9.9"):
        written("digits", severities("spatter"), tmp_path, limit=10)


@pytest.mark.parametrize(
    ("suites", "sentence"),
    [
        ([], "Name what to generate with --suite"),
        (["clean"], "Only corruptions can be written, got clean;"),
        (["fog@1", "fgsm-linf@1/255"], "Only corruptions can be written, got fgsm-linf@1/255;"),
        (["fog@3"], "fog was asked for without some; add --suite fog@1 --suite fog@2 --suite fog@4 --suite fog@5"),
        (["cifar-c", "imagenet-c"], "gaussian_noise@1 has cifar severities and no final JPEG, .* imagenet severities"),
        (["fgo@3"], "fog"),
    ],
)
def test_conditions_that_arrays_cannot_hold_are_one_sentence(suites: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        plan_writing("digits", suites)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layout": "trees"}, "digits has no files CLASS/FILE"),
        ({"layout": "tree"}, "layout"),
        ({"workers": 0}, "workers must be 1 or more, got 0"),
        ({"limit": 0}, "limit must be 1 or more, got 0"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        plan_writing("digits", ["cifar-c"], **options)


def test_corrupted_and_small_and_large_images_are_refused_for_arrays(digits_c: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="corrupted already; name clean images"):
        plan_writing(f"cifar10-c:{digits_c}", ["cifar-c"])
    small = write_files(tmp_path / "small", {"a/1.png": encoded(pixels(0, 8, 8))})
    with pytest.raises(DataError, match="at least 32 pixels on each side, small has 8x8; add resize="):
        plan_writing(f"imagefolder:{small}", ["cifar-c"])
    large = write_files(tmp_path / "large", {"a/1.png": encoded(pixels(0, 48, 40))})
    with pytest.raises(UsageError, match="Arrays hold images of 32x32 pixels, large has 40x48; use trees"):
        plan_writing(f"imagefolder:{large}", ["cifar-c"], layout="arrays")
