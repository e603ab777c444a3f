"""The rows of a data set of Hugging Face as image files with labels, which stay packed until they are needed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.benchmark.data.files.archives import MEMBER_BYTES
from robustsweep.benchmark.data.files.fingerprints import file_stamp
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.files.trees import FileTree
from robustsweep.benchmark.data.labelled_files import JPEG_NOTE, labelled_files
from robustsweep.benchmark.data.tables.columns import image_and_label_columns
from robustsweep.errors import DataError

_JPEG = b"\xff\xd8\xff"
_BATCH = 1024
_ADVICE = "save it with datasets' save_to_disk, which stores the files"


def encoded_rows(
    data: Any,
    place: str,
    *,
    name: str,
    split: str,
    image: str | None,
    label: str | None,
    classes: int | None,
    preprocessing: Preprocessing,
    workers: int,
) -> Dataset:
    """Take a table with a column of image files and one of labels; an image's id is its row.

    Images are decoded as files of a folder are, and not by the library.

    Args:
        data: A ``datasets.Dataset``.
        place: What it is called in errors.
        name: The data set's name.
        split: The split's name.
        image: Column of images; None: it is found.
        label: Column of labels; None: it is found.
        classes: Number of classes; None: as the column says, else one more than the largest label.
        preprocessing: Applied to every image.
        workers: Threads that decode.

    Raises:
        DataError: If columns are missing or hold something else, or an image cannot be read.
    """
    image, label, stated = image_and_label_columns(data, image, label)
    names = tuple(getattr(data.features[label], "names", None) or ())
    rows = _packed(data, image, label, place)
    sizes, labels = _sizes_and_labels(rows, image, label, place)
    count = _class_count(labels, classes, stated, place)
    files = [f"{label_of}/{row:09d}.image" for row, label_of in enumerate(labels.tolist())]
    tree = FileTree(
        root=Path(place),
        sizes=dict(zip(files, sizes.tolist(), strict=True)),
        read=lambda file: _content(rows, image, int(PurePath(file).stem), place),
        stamp=_stamp(data, split),
    )
    found = labelled_files(
        tree, files, labels, name=name, split=split, classes=count, preprocessing=preprocessing, workers=workers
    )
    return replace(
        found,
        ids=np.arange(len(labels), dtype=np.int64),
        notes=(JPEG_NOTE,) if tree.read(files[0]).startswith(_JPEG) else (),
        class_names=lambda: names if len(names) == count else (),
    )


def _packed(data: Any, image: str, label: str, place: str) -> Any:
    """Return the two columns as arrow tables, the images as they lie in the files."""
    feature = data.features[image]
    if type(feature).__name__ == "Image":
        data = data.cast_column(image, type(feature)(decode=False))
    elif not (isinstance(feature, dict) and "bytes" in feature):
        raise DataError(
            f"{place}: the column {image!r} holds no image files ({feature!r:.80}); name another by image=."
        )
    return data.select_columns([image, label]).with_format("arrow")


def _sizes_and_labels(rows: Any, image: str, label: str, place: str) -> tuple[Int64Array, Int64Array]:
    parts = list(_parts(rows, image, label, place))
    if not parts:
        raise DataError(f"{place} holds no row.")
    sizes, labels = (np.concatenate(both) for both in zip(*parts, strict=True))
    if (rowless := np.flatnonzero(sizes < 0)).size:
        raise DataError(f"{place}: row {rowless[0]} holds no image file, at most the path of one; {_ADVICE}.")
    if labels.min() < 0:
        raise DataError(f"{place}: row {labels.argmin()} has the label {labels.min()}, so this split has no labels.")
    return sizes, labels


def _parts(rows: Any, image: str, label: str, place: str) -> Iterator[tuple[Int64Array, Int64Array]]:
    import pyarrow
    from pyarrow import compute

    for table in rows.iter(batch_size=_BATCH):
        found = table.column(label)
        if not pyarrow.types.is_integer(found.type) or found.null_count:
            what = "rows without a label" if found.null_count else f"{found.type}"
            raise DataError(
                f"{place}: the column {label!r} holds {what}, expected whole numbers; name another by label=."
            )
        content = compute.struct_field(table.column(image), "bytes")
        lengths = compute.fill_null(compute.binary_length(content), -1)
        yield lengths.to_numpy().astype(np.int64), found.to_numpy().astype(np.int64)


def _class_count(labels: Int64Array, given: int | None, stated: int | None, place: str) -> int:
    highest = int(labels.max())
    count = given or stated or highest + 1
    if given and stated and given != stated:
        raise DataError(f"{place} says that it has {stated} classes; leave classes= out.")
    if highest >= count:
        raise DataError(f"{place} has the label {highest}, and there are {count} classes, 0 up.")
    return count


def _content(rows: Any, image: str, row: int, place: str) -> bytes:
    content: bytes = rows[row].column(image)[0].as_py()["bytes"]
    if len(content) > MEMBER_BYTES:
        raise DataError(f"{place}: row {row} has {len(content)} bytes, more than the {MEMBER_BYTES} that are read.")
    return content


def _stamp(data: Any, split: str) -> str:
    # Which rows of the files they are, and in what order, is in the library's own fingerprint.
    files = [Path(file["filename"]) for file in data.cache_files]
    return f"{file_stamp(*files)}\0{split}\0{data._fingerprint}\0{len(data)}"
