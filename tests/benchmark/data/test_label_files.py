"""A flat folder of ImageNet's validation images, and the ground truth in a text file."""

from pathlib import Path

import pytest
from image_trees import archive_of, opened, png_files, write_files

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.dataset import path_id
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K
from robustsweep.errors import DataError, UsageError

WNIDS = IMAGENET_1K.wnids
FILES = tuple(f"ILSVRC2012_val_{number:08}.png" for number in (1, 2, 3))
CLASSES = (999, 0, 481)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return write_files(tmp_path / "val", png_files(*FILES, side=16))


def labelled(flat: Path, text: str, options: str = ",crop=16") -> str:
    (flat.parent / "truth.txt").write_text(text)
    return f"imagenet:{flat},labels={flat.parent / 'truth.txt'}{options}"


def lines(form: str) -> str:
    pairs = zip(FILES, CLASSES, strict=True)
    return "".join(
        form.format(file=file, stem=file[:-4], wnid=WNIDS[index], index=index) + "\n" for file, index in pairs
    )


FORMS = {
    "file wnid": lines("{file} {wnid}"),
    "file index": lines("{file} {index}"),
    "path tab wnid": lines("val/{file}\t{wnid}"),
    "comma": lines("{file},{wnid}"),
    "stem index": lines("{stem} {index}"),
    "JPEG for png": lines("{stem}.JPEG {index}"),
    "wnids alone": lines("{wnid}"),
    "indices alone": lines("{index}"),
    "Kaggle": "ImageId,PredictionString\n" + lines("{stem},{wnid} 1 2 3 4 {wnid} 5 6 7 8 "),
    "more than is there": lines("{file} {index}") + "ILSVRC2012_val_00000004.JPEG 7\n",
    "other line ends": lines("{file} {index}").replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_whose_meaning_is_plain_gives_the_same_classes(flat: Path, text: str) -> None:
    data = opened(labelled(flat, text))
    assert (data.classes, data.labels.tolist()) == (1000, [0, 481, 999])
    assert data.paths == tuple(f"{WNIDS[index]}/{file}" for index, file in sorted(zip(CLASSES, FILES, strict=True)))
    assert data.ids.tolist() == [path_id(f"{path[:-4]}.JPEG") for path in data.paths]


def test_a_flat_archive_and_a_split_inside_are_read_alike(flat: Path) -> None:
    packed = archive_of(flat, ".tar", "imagenet/val/")
    spec = labelled(flat, FORMS["file wnid"])
    assert opened(spec.replace(str(flat), str(packed), 1)).fingerprint == opened(spec).fingerprint
    assert opened(f"{spec.replace(str(flat), str(packed), 1)},split=val").split == "val"


def test_other_labels_for_the_same_files_are_other_data(flat: Path) -> None:
    first = opened(labelled(flat, FORMS["file index"])).fingerprint
    assert opened(labelled(flat, lines("{file} {index}").replace(" 999", " 998"))).fingerprint != first


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("490\n361\n171\n", "holds no class 0, so its numbers may be ILSVRC2012 ids .*meta.mat .*give lines FILE WNID"),
        ("1000\n1\n7\n", "may be ILSVRC2012 ids"),
        (lines("{file} {index}").replace(" 0", " 1000"), "may be ILSVRC2012 ids"),
        (lines("{file} {index}").replace(" 999", " 1000"), "holds the class 1000; ImageNet-1k has 0 to 999"),
        (lines("{index}") + "5\n", "has 4 lines without file names for 3 images"),
        (lines("{file} {wnid}").replace(FILES[1], "other.png"), f"no class for 1 of 3 images, such as {FILES[1]}"),
        (lines("{file} cat"), "'cat' is not a wnid of ImageNet-1k"),
        (lines("{file} -1"), "'-1' is not a wnid of ImageNet-1k"),
        (lines("{file} {wnid}") * 2, "lists a file name twice"),
        ("", "'nothing' cannot be read; expected lines FILE WNID"),
        (f"{FILES[0]} 0\n7\n", "'7' cannot be read; expected lines FILE WNID"),
        (f"{FILES[0]} {'9' * 5000}\n0\n", "cannot be read"),
        (lines("{file} " + "9" * 5000).replace("9" * 5000, "0", 1), "holds the class 99999"),
        ("ImageId,PredictionString\nx,\n", "should be ImageId,WNID and its box"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(flat: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        open_data(labelled(flat, text))


def test_a_label_file_that_is_missing_or_no_file_is_refused(flat: Path) -> None:
    for name in ("none.txt", "val", "pipe"):
        with pytest.raises(DataError, match=rf"{name} (cannot be read|is not a regular file)"):
            open_data(f"imagenet:{flat},labels={flat.parent / name}")
        if name == "val":
            import os

            os.mkfifo(flat.parent / "pipe")


def test_files_of_one_name_cannot_be_told_apart(flat: Path) -> None:
    write_files(flat, png_files(f"more/{FILES[0]}"))
    with pytest.raises(DataError, match="which labels= does not distinguish"):
        open_data(labelled(flat, FORMS["file wnid"]))


def test_labels_have_no_meaning_for_other_data(flat: Path) -> None:
    with pytest.raises(UsageError, match="labels= has no meaning here"):
        open_data(f"imagefolder:{flat},labels=x")
