"""What the one function that runs corruptions refuses."""

import sys
from pathlib import Path

import pytest
import torch
from applying import IDS, pictures
from PIL import Image

from robustsweep.corruptions import corrupt_batch, jpeg_round_trip, table_for
from robustsweep.corruptions.weather import frost
from robustsweep.errors import DataError, MissingDependencyError, RobustsweepError, UsageError


@pytest.mark.parametrize("severity", [0, 6, -1, 2.0, True, "3", None])
def test_a_severity_that_is_no_integer_from_1_to_5_is_refused(severity):
    with pytest.raises(UsageError, match=r"integer from 1 to 5"):
        corrupt_batch(pictures(1), "fog", severity, table="cifar", seed=0, ids=IDS[:1])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 32, 32), r"uint8 images, not torch.float32; scale to 0..255 and convert"),
        (torch.full((1, 3, 32, 32), torch.nan), r"uint8 images, not torch.float32; scale to 0..255 and convert"),
        (torch.full((1, 3, 32, 32), torch.inf).double(), r"uint8 images, not torch.float64"),
        (torch.full((1, 3, 32, 32), 128, dtype=torch.int64), r"uint8 images, not torch.int64"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), r"\(N, 3, H, W\), not \(3, 32, 32\)"),
        (torch.zeros(1, 32, 32, 3, dtype=torch.uint8), r"\(N, 3, H, W\), not \(1, 32, 32, 3\)"),
        (torch.zeros(1, 3, 28, 32, dtype=torch.uint8), r"at least 32 pixels on each side, not 28 x 32"),
    ],
)
def test_images_of_another_kind_are_refused(images, message):
    with pytest.raises(DataError, match=message):
        corrupt_batch(images, "fog", 1, table="cifar", seed=0, ids=IDS[:1])


@pytest.mark.parametrize("ids", [IDS[:2], IDS[:1].int(), IDS[:1].unsqueeze(0)])
def test_ids_that_do_not_fit_the_images_are_refused(ids):
    with pytest.raises(DataError, match="one id per image"):
        corrupt_batch(pictures(1), "fog", 1, table="cifar", seed=0, ids=ids)


def test_unknown_names_are_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'glass_blur'"):
        corrupt_batch(pictures(1), "glas_blur", 1, table="cifar", seed=0, ids=IDS[:1])
    with pytest.raises(UsageError, match="cifar, tiny, imagenet, inception"):
        corrupt_batch(pictures(1), "fog", 1, table="cifar10", seed=0, ids=IDS[:1])


@pytest.mark.parametrize("quality", [0, 96])
def test_a_jpeg_quality_out_of_range_is_refused(quality):
    with pytest.raises(UsageError, match="1 to 95"):
        jpeg_round_trip(pictures(1), quality)


def test_opencv_that_cannot_be_imported_is_named_with_the_likely_cause(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match=r"opencv-python.*libGL"):
        corrupt_batch(pictures(1), "spatter", 1, table="cifar", seed=0, ids=IDS[:1])


def test_missing_and_altered_frost_textures_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="imagecorruptions"):
        frost.texture_folder()
    monkeypatch.setattr(frost, "texture_folder", lambda: tmp_path)
    with pytest.raises(DataError, match="is missing"):
        frost._photographs.__wrapped__()
    Path(tmp_path, "frost1.png").write_bytes(b"another picture")
    with pytest.raises(DataError, match="is not the published file"):
        frost._photographs.__wrapped__()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"images": Image.new("RGB", (32, 32))},
            r"a tensor, uint8 \(N, 3, H, W\), got PIL.Image.Image; torch",
        ),
        ({"images": pictures(1).numpy()}, "got numpy.ndarray"),
        ({"images": None}, "got None"),
        ({"ids": [0]}, r"ids must be a tensor, int64 \(N,\), got list; torch.arange"),
        ({"name": ["fog"]}, r"Unknown corruption \['fog'\]"),
        ({"name": None}, "Unknown corruption None"),
        ({"table": ["cifar"]}, "Unknown severity table"),
        ({"seed": "0"}, "seed must be a whole number, got '0'"),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
        ({"jpeg_quality": "85"}, "JPEG quality is an integer from 1 to 95"),
    ],
)
def test_an_argument_of_another_type_is_named_in_a_sentence(change, message):
    given = {"images": pictures(1), "name": "fog", "severity": 1, "table": "cifar", "seed": 0, "ids": IDS[:1]}
    with pytest.raises(RobustsweepError, match=message):
        corrupt_batch(**(given | change))


def test_the_other_functions_of_corruptions_name_what_came_too():
    with pytest.raises(UsageError, match="JPEG needs a tensor, .* got PIL.Image.Image"):
        jpeg_round_trip(Image.new("RGB", (32, 32)), 85)
    with pytest.raises(UsageError, match="height must be a whole number, got 'tall'"):
        table_for("tall", 32)
