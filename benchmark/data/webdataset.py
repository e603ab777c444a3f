"""Shards of WebDataset: tar files in which the files of one sample share a name, ``KEY.jpg`` beside ``KEY.cls``."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from glob import glob, has_magic
from itertools import product
from pathlib import Path

import numpy as np

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.archives import is_archive
from robustsweep.benchmark.data.files.pixels import JPEG_SUFFIXES, Preprocessing
from robustsweep.benchmark.data.files.trees import FileTree, open_tree, select
from robustsweep.benchmark.data.files.unread import unread_note
from robustsweep.benchmark.data.labelled_files import JPEG_NOTE, labelled_files
from robustsweep.errors import DataError
from robustsweep.printable import printable

_IMAGES = ("jpg", "jpeg", "png", "webp")
_LABEL = "cls"
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 100_000
_MOST_DIGITS = 9
_LABEL_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Sample:
    """Where the two files of a sample lie."""

    shard: FileTree
    image: str
    label: int


def open_shards(
    pattern: str, *, name: str, split: str, classes: int | None, preprocessing: Preprocessing, workers: int
) -> Dataset:
    """Take the samples of all shards, in the order of their names; an image's id is the hash of its path there.

    A sample is the files of one shard that agree up to the first dot of their name: an image (``.jpg``, ``.jpeg``,
    ``.png`` or ``.webp``) and ``.cls``, its class as a number from 0. Others, such as ``.json``, are not read.

    Source: the file format of the webdataset library.

    Args:
        pattern: Tar files: a path, a glob (``val-*.tar``) or a range (``val-{000..012}.tar``).
        name: The data set's name.
        split: The split's name.
        classes: Number of classes; None: one more than the largest label.
        preprocessing: Applied to every image.
        workers: Threads that decode.

    Raises:
        DataError: If a shard is missing or cannot be read, or a sample lacks its class or has two images.
    """
    shards, unread = {path: open_tree(path) for path in _shards(pattern)}, list[str]()
    samples = _all_samples(shards, unread, pattern)
    labels = np.array([sample.label for sample in samples.values()], dtype=np.int64)
    if classes is not None and labels.max() >= classes:
        raise DataError(f"{pattern} has the class {labels.max()}, and classes={classes} says 0 to {classes - 1}.")
    found = labelled_files(
        _as_tree(pattern, samples, [tree.stamp for tree in shards.values()]),
        list(samples),
        labels,
        name=name,
        split=split,
        classes=classes or int(labels.max()) + 1,
        preprocessing=preprocessing,
        workers=workers,
    )
    notes = (
        unread_note(unread, f"in the shards beside images and .{_LABEL}"),
        JPEG_NOTE if select(samples, JPEG_SUFFIXES) else "",
    )
    return replace(found, notes=tuple(filter(None, notes)))


def _all_samples(shards: Mapping[Path, FileTree], unread: list[str], pattern: str) -> dict[str, _Sample]:
    """Return the samples by CLASS/FILE; a shard's name is part of the file's, as keys may begin anew in each."""
    counts = Counter(path.name.partition(".")[0] for path in shards)
    found: dict[str, _Sample] = {}
    for path, tree in shards.items():
        stem = path.name.partition(".")[0]
        stem = stem if counts[stem] == 1 else f"{path.parent.name}-{stem}"
        for key, sample in _samples(tree, unread):
            file = f"{sample.label}/{stem}-{key.replace('/', '-')}.{sample.image.rpartition('.')[2]}"
            if file in found:
                raise DataError(f"{pattern} holds two samples {printable(f'{stem}/{key}')}; rename one.")
            found[file] = sample
    if not found:
        raise DataError(f"{pattern} holds no images as KEY.{_IMAGES[0]} beside KEY.{_LABEL}.")
    return found


def _as_tree(pattern: str, samples: Mapping[str, _Sample], stamps: list[str]) -> FileTree:
    def read(file: str) -> bytes:
        return samples[file].shard.read(samples[file].image)

    sizes = {file: sample.shard.sizes[sample.image] for file, sample in samples.items()}
    return FileTree(Path(pattern), sizes, read, "\n".join(["webdataset", *stamps]))


def _samples(tree: FileTree, unread: list[str]) -> Iterator[tuple[str, _Sample]]:
    """Yield the samples of one shard, each with its key; what is not read is added to a list."""
    by_key: dict[str, dict[str, str]] = {}
    for file in tree.names:
        folder, slash, base = file.rpartition("/")
        stem, _, suffix = base.partition(".")
        if suffix.lower() in (*_IMAGES, _LABEL):
            by_key.setdefault(f"{folder}{slash}{stem}", {})[suffix.lower()] = file
        else:
            unread.append(file)
    for key, files in by_key.items():
        images = [files[suffix] for suffix in _IMAGES if suffix in files]
        if len(images) != 1 or _LABEL not in files:
            lacking = "several images" if len(images) > 1 else "no image" if not images else f"no {key}.{_LABEL}"
            raise DataError(f"{tree.root}: the sample {printable(key)} has {lacking}; it is one image and its class.")
        yield key, _Sample(tree, images[0], _label(tree, files[_LABEL]))


def _label(tree: FileTree, file: str) -> int:
    text = tree.read(file).strip() if tree.sizes[file] <= _LABEL_BYTES else b"a long text"
    if not text.isdigit() or len(text) > _MOST_DIGITS:
        shown = printable(text.decode(errors="replace"))[:40]
        raise DataError(f"{tree.place(file)} holds {shown!r}, expected the number of a class, from 0.")
    return int(text)


def _shards(pattern: str) -> list[Path]:
    """List the files of a pattern, in the order of their paths."""
    paths = [Path(one).expanduser() for one in _expanded(pattern)]
    found = {Path(file) for path in paths for file in (glob(str(path)) if has_magic(str(path)) else [str(path)])}
    if not found:
        raise DataError(f"{pattern} matches no file; give tar files, such as wds:val-{{000..012}}.tar.")
    for path in sorted(found):
        if not path.is_file() or not is_archive(path) or path.suffix == ".zip":
            fault = "is not a tar file" if path.exists() else "does not exist"
            advice = "give a tar file" if len(found) == 1 else f"{pattern} names it; give the shards that are there"
            raise DataError(f"{path} {fault}; {advice}, such as wds:val-{{000..012}}.tar.")
    return sorted(found)


def _expanded(pattern: str) -> Iterator[str]:
    """Write out ranges such as {000..012}, digits kept."""
    ranges = [_numbers(span, pattern) for span in _BRACES.finditer(pattern)]
    if math.prod(len(numbers) for numbers in ranges) > _MOST_SHARDS:
        raise DataError(f"{pattern} names more than {_MOST_SHARDS} shards.")
    for chosen in product(*ranges):
        text = pattern
        for number in chosen:
            text = _BRACES.sub(number, text, count=1)
        yield text


def _numbers(span: re.Match[str], pattern: str) -> list[str]:
    first, last = span.groups()
    if len(first) > _MOST_DIGITS or len(last) > _MOST_DIGITS or not 0 <= int(last) - int(first) < _MOST_SHARDS:
        raise DataError(f"{pattern}: {span[0]} should go up, over at most {_MOST_SHARDS} numbers.")
    return [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
