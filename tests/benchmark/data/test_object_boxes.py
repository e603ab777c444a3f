"""Boxes of the labelled objects in Tiny-ImageNet's validation images."""

from pathlib import Path

import pytest
from tiny_imagenet_files import ANNOTATED, FIRST, IN_ORDER, published

from robustsweep.benchmark.data import open_data
from robustsweep.errors import DataError


def test_boxes_are_read_by_path_and_only_of_validation_images(tmp_path: Path):
    root = published(tmp_path)
    opened = open_data(f"tiny-imagenet:{root}")
    boxes = opened.object_boxes()
    assert sorted(boxes) == IN_ORDER == list(opened.paths)
    assert set(boxes.values()) == {(0, 32, 44, 62)}
    assert open_data(f"tiny-imagenet:{root},split=train").object_boxes() == {}
    assert open_data("digits").object_boxes() == {}


@pytest.mark.parametrize("box", ["0 32 44", "0 32 44 x", "5 0 4 9", "0 9 4 8", "-1 0 4 4", "1 1 2 2 3"])
def test_a_box_that_is_none_is_named(box: str, tmp_path: Path):
    root = published(tmp_path)
    file = root / "val/val_annotations.txt"
    lines = file.read_text().splitlines()
    lines[2] = f"{lines[2].split(chr(9))[0]}\t{FIRST}\t{box.replace(' ', chr(9))}"
    file.write_text("\n".join(lines))
    opened = open_data(f"tiny-imagenet:{root}")
    with pytest.raises(DataError, match="line 3 of val/val_annotations.txt has no box"):
        opened.object_boxes()


def test_images_without_a_box_have_none(tmp_path: Path):
    root = published(tmp_path)
    file = root / "val/val_annotations.txt"
    file.write_text("".join(f"{name}\t{wnid}\n" for name, wnid in ANNOTATED.items()))
    assert open_data(f"tiny-imagenet:{root}").object_boxes() == {}
