"""Ground truth in a text file beside a flat folder of images: which forms are read, and which would be guessed."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from robustsweep.benchmark.data.files.wordnet import WordnetClasses
from robustsweep.errors import DataError
from robustsweep.untrusted.files import read_regular

_MOST_BYTES = 64 << 20
_HEADER = "imageid,"
_FORMS = (
    "lines FILE WNID or FILE INDEX (0 up, by sorted wnid), Kaggle's LOC_val_solution.csv, or one wnid or index per "
    "line for the files in sorted order"
)


def read_labels(path: Path, images: Sequence[str], wordnet: WordnetClasses) -> dict[str, str]:
    """Return the wnid of each image.

    Read are ``FILE WNID``, ``FILE INDEX`` (from 0, by sorted wnid, as Caffe's ``val.txt``; the file's name with or
    without its suffix), Kaggle's ``LOC_val_solution.csv``, and one wnid or index per line for the images in the order
    of their names.

    Args:
        path: The file.
        images: File names, each once.
        wordnet: The classes.

    Raises:
        DataError: If it is none of these forms, counts from 1, does not name every image, or names an unknown class.
    """
    content = read_regular(path, _MOST_BYTES, f"give {_FORMS}")
    lines = [line.strip() for line in content.decode(errors="replace").splitlines()]
    if any(line.lower().startswith(_HEADER) for line in lines[:1]):
        found = _solution(path, lines[1:])
    else:
        found = _pairs(path, [line for line in lines if line], images)
    _check_counting(path, list(found.values()))
    stems = {PurePosixPath(file).stem: label for file, label in found.items()}
    missing = [image for image in images if image not in found and PurePosixPath(image).stem not in stems]
    if missing:
        raise DataError(f"{path} names no class for {len(missing)} of {len(images)} images, such as {missing[0]}.")
    return {image: _wnid(path, found.get(image) or stems[PurePosixPath(image).stem], wordnet) for image in images}


def _solution(path: Path, lines: Sequence[str]) -> dict[str, str]:
    """Read ``ImageId,WNID x y x y [WNID x y x y ...]``."""
    found: dict[str, str] = {}
    for line in filter(None, lines):
        file, _, boxes = line.partition(",")
        if not boxes.split():
            raise DataError(f"{path}: the line {line[:80]!r} should be ImageId,WNID and its box.")
        found[file] = boxes.split()[0]
    return found


def _pairs(path: Path, lines: Sequence[str], images: Sequence[str]) -> dict[str, str]:
    parted = [line.replace(",", " ").rsplit(maxsplit=1) for line in lines]
    if parted and all(len(parts) == 1 for parts in parted):
        if len(parted) != len(images):
            raise DataError(
                f"{path} has {len(parted)} lines without file names for {len(images)} images; give one line for each, "
                "or lines FILE WNID."
            )
        return dict(zip(sorted(images), (parts[0] for parts in parted), strict=True))
    odd = next((line for line, parts in zip(lines, parted, strict=True) if len(parts) != 2), None)
    if odd is not None or not parted:
        raise DataError(f"{path}: {(odd or 'nothing')[:80]!r} cannot be read; expected {_FORMS}.")
    found = {PurePosixPath(file).name: label for file, label in parted}
    if len(found) < len(parted):
        raise DataError(f"{path} lists a file name twice; give each once.")
    return found


def _check_counting(path: Path, labels: Sequence[str]) -> None:
    """Refuse indices that may count from 1: that is how ILSVRC2012's own ids count, in an order of their own."""
    numbers = [int(label[:9]) for label in labels if label.isascii() and label.isdigit()]
    if numbers and min(numbers) > 0:
        raise DataError(
            f"{path} holds no class 0, so its numbers may be ILSVRC2012 ids (1 to 1000, as in "
            "ILSVRC2012_validation_ground_truth.txt). They follow the development kit's meta.mat and not the sorted "
            f"wnids, and that order is not known here; give {_FORMS}."
        )


def _wnid(path: Path, label: str, wordnet: WordnetClasses) -> str:
    if not (label.isascii() and label.isdigit()):
        wordnet.indices((label,), path)
        return label
    if len(label) > 9 or int(label) >= len(wordnet):
        raise DataError(f"{path} holds the class {label[:20]}; {wordnet.name} has 0 to {len(wordnet) - 1}.")
    return wordnet.wnids[int(label)]
