"""Published corrupted sets as the rest of the program sees them, and the clean images matched to them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from robustsweep.benchmark.data.corrupted.generated_sets import MANIFEST_NAME, manifest_content
from robustsweep.benchmark.data.dataset import ClassNames, Dataset, Int64Array
from robustsweep.corruptions import COMMON
from robustsweep.errors import DataError

ReadCorrupted = Callable[[str, int, Int64Array], torch.Tensor]


@dataclass(frozen=True)
class OfficialSet:
    """A corrupted set in a published layout, with or without the clean images it was made from.

    Attributes:
        name: Shown wherever a result is.
        labels: int64, shape (N,).
        ids: int64, shape (N,): the row of an array, or a hash of the path below the severity.
        classes: Number of classes that labels count in.
        size: Height and width.
        fingerprint: sha256; of the contents for arrays, of paths and sizes for trees.
        preprocessing: What is done between decoding and [0, 1].
        corruptions: The corruptions that are there.
        absent: Conditions of these, such as ``fog@4``, that are not there or not whole.
        read: Returns uint8 images (n, 3, H, W) for a corruption, a severity and int64 positions.
        check: Raises DataError if a corruption is missing, or what there is of it is malformed.
        clean: The clean images in the same order, or None.
        provenance: ``"official"`` for published files, ``"generated"`` for files that ``robustsweep corrupt`` wrote.
        notes: Sentences that belong beside every result on this data.
        class_names: As of a ``Dataset``.
        sequences: The perturbations of which it holds sequences of frames.
        read_sequence: Returns uint8 sequences (n, frames, 3, H, W) for one of them and int64 positions; None if it
            holds no sequences.
    """

    name: str
    labels: Int64Array
    ids: Int64Array
    classes: int
    size: tuple[int, int]
    fingerprint: str
    preprocessing: str
    corruptions: tuple[str, ...]
    read: ReadCorrupted
    check: Callable[[str], None]
    clean: Dataset | None = None
    provenance: str = "official"
    notes: tuple[str, ...] = ()
    absent: frozenset[str] = frozenset()
    class_names: ClassNames = tuple
    sequences: tuple[str, ...] = ()
    read_sequence: Callable[[str, Int64Array], torch.Tensor] | None = None


def partial_notes(
    name: str, corruptions: Iterable[str], absent: Iterable[str] = (), *, benchmark: Sequence[str] = COMMON
) -> tuple[str, ...]:
    """Say what a published set lacks, if it holds some of its benchmark's corruptions and not all.

    Args:
        name: The data set's name.
        corruptions: The corruptions that are there.
        absent: Conditions of these that are not there or not whole.
        benchmark: The corruptions of the whole set.
    """
    lacking = sorted(absent)
    there = [corruption for corruption in benchmark if corruption in set(corruptions)]
    if there and len(there) <= len(benchmark) // 2:
        parts = f"only {', '.join(there)} of the {len(benchmark)} corruptions" + (
            f", without {', '.join(lacking)}" if lacking else ""
        )
        return (f"{name} holds {parts}; means that need the others are not given.",)
    missing = [corruption for corruption in benchmark if there and corruption not in there] + lacking
    if not missing:
        return ()
    return (f"{name} lacks {', '.join(missing)}; means that need these are not given.",)


def origin(manifest: bytes | None, where: Path) -> tuple[str, tuple[str, ...]]:
    """Tell published files from those that were generated here.

    Args:
        manifest: Content of ``corrupt.json`` beside the files; None: there is none.
        where: What to name in an error.

    Returns:
        The provenance, and sentences that belong beside every result.

    Raises:
        DataError: If the manifest cannot be read.
    """
    if manifest is None:
        return "official", ()
    advice = "without it generated files would pass for published ones, so put it back, or write the folder again"
    made = manifest_content(manifest, where / MANIFEST_NAME, advice)["made_with"]
    note = (
        f"These corrupted files are not the published ones: robustsweep {made['robustsweep']} generated them from "
        f"{made['data']['name']} with seed {made['seed']} and {made['table']} severities"
        + (f", then JPEG quality {made['jpeg_quality']}." if made["jpeg_quality"] else ".")
    )
    return "generated", (note,)


def _check_kind(clean: Dataset, classes: int, size: tuple[int, int], where: Path) -> None:
    if (clean.classes, clean.size) != (classes, size):
        raise DataError(
            f"clean= has {clean.classes} classes and images of {clean.size[1]}x{clean.size[0]} pixels, {where} has "
            f"{classes} and {size[1]}x{size[0]}; they must be the images that the corrupted ones were made from."
        )


def check_same_order(clean: Dataset | None, labels: Int64Array, classes: int, where: Path) -> None:
    """Check that clean images of an array set are its rows.

    Raises:
        DataError: If their number, a label, the classes or the size differ.
    """
    if clean is None:
        return
    _check_kind(clean, classes, (32, 32), where)
    if len(clean) != len(labels):
        raise DataError(f"clean= has {len(clean)} images, {where} has {len(labels)} per severity; expected the same.")
    if (clean.labels != labels).any():
        row = int(np.flatnonzero(clean.labels != labels)[0])
        raise DataError(f"clean= and {where} disagree on the label of image {row}; they must be in the same order.")


def matched_by_id(
    clean: Dataset | None,
    ids: Int64Array,
    labels: Int64Array,
    *,
    classes: int,
    size: tuple[int, int],
    where: Path,
    made_from: str = "",
) -> Dataset | None:
    """Reorder clean images to a tree's order, by the id of their path.

    Args:
        clean: The clean images, or None.
        ids: int64, shape (N,): the tree's images.
        labels: int64, shape (N,): their classes.
        classes: Number of classes of the tree.
        size: Height and width of the tree's images.
        where: The tree, for messages.
        made_from: A sentence on which clean images belong to the tree, added if some are missing.

    Raises:
        DataError: If an image is missing or has another class, or if the size differs.
    """
    if clean is None:
        return None
    _check_kind(clean, classes, size, where)
    row_of = {int(image_id): row for row, image_id in enumerate(clean.ids)}
    missing = [i for i in ids.tolist() if i not in row_of]
    if missing:
        sentence = f"clean= lacks {len(missing)} of {len(ids)} images of {where}; paths CLASS/FILE must agree."
        raise DataError(f"{sentence} {made_from}".rstrip())
    rows = np.array([row_of[int(i)] for i in ids], dtype=np.int64)
    if (clean.labels[rows] != labels).any():
        raise DataError(f"clean= and {where} give different classes to images of the same path.")
    return clean.taking(rows)
