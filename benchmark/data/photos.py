"""Photos of any sizes and without classes: they can be corrupted, and nothing can be measured on them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from robustsweep.benchmark.data.dataset import Dataset, Int64Array, image_ids
from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES, Preprocessing, codec, decode, decode_many
from robustsweep.benchmark.data.files.trees import FileTree, open_tree
from robustsweep.benchmark.data.files.unread import is_image, unread_note
from robustsweep.benchmark.data.labelled_files import tree_fingerprint
from robustsweep.errors import DataError
from robustsweep.untrusted.files import read_regular

_MOST_NAMED = 5
_PHOTO_BYTES = 1 << 28


@dataclass(frozen=True)
class Photos(Dataset):
    """Photos by size and path; ``size`` is the least height and the least width, every label is 0.

    Attributes:
        sizes: Height and width of each photo; those of one size stand together.
    """

    sizes: tuple[tuple[int, int], ...] = ()

    def by_size(self, positions: Int64Array) -> list[Int64Array]:
        """Cut ascending positions where the size changes: what ``images`` reads has one size."""
        groups = groupby(positions.tolist(), key=lambda position: self.sizes[position])
        return [np.array(list(same), dtype=np.int64) for _, same in groups]


class Upright(Preprocessing):
    """Turn a photo as its EXIF data say that it was held, then resize and crop."""

    def __str__(self) -> str:
        return f"upright, {super().__str__()}"

    def apply(self, image: Image.Image) -> Image.Image:
        """Preprocess one RGB image.

        Raises:
            DataError: If it is smaller than the crop.
        """
        return super().apply(ImageOps.exif_transpose(image))


def read_photo(path: Path, preprocessing: Preprocessing) -> torch.Tensor:
    """Decode one file: uint8 of shape (3, H, W).

    Args:
        path: The file.
        preprocessing: What to do after decoding.

    Raises:
        DataError: If it is missing or cannot be decoded.
    """
    return decode(read_regular(path, _PHOTO_BYTES, "give another photo"), str(path), preprocessing)


def example_photos(side: int) -> torch.Tensor:
    """Return scikit-learn's two photos, their middle squares: uint8, shape (2, 3, side, side)."""
    from sklearn.datasets import load_sample_images

    squares = []
    for array in load_sample_images().images:
        height, width, _ = array.shape
        left = (width - height) // 2
        square = torch.from_numpy(np.ascontiguousarray(array[:, left : left + height])).permute(2, 0, 1)
        squares.append(F.interpolate(square.unsqueeze(0), side, mode="bilinear", antialias=True))
    return torch.cat(squares)


def open_photos(path: Path, *, name: str, preprocessing: Preprocessing, workers: int) -> Photos:
    """Take all images at any depth of a folder or an archive; an image's id is the hash of its path.

    All of them are decoded once, so that one that cannot be is known before anything is made of the others.

    Args:
        path: The folder or archive.
        name: The data set's name.
        preprocessing: Applied to every photo.
        workers: Threads that decode.

    Raises:
        DataError: If there are no images, or some cannot be decoded; it names them.
    """
    tree = open_tree(path)
    found = [photo for photo in tree.names if is_image(photo)]
    if not found:
        raise DataError(f"{path} holds no images ({', '.join(IMAGE_SUFFIXES)}).")
    size_of = _sizes(tree, found, preprocessing, workers)
    photos = sorted(found, key=lambda photo: (size_of[photo], photo))
    sizes = tuple(size_of[photo] for photo in photos)

    def read(positions: Int64Array) -> torch.Tensor:
        return decode_many(
            tree,
            [photos[position] for position in positions],
            size=sizes[positions[0]],
            preprocessing=preprocessing,
            workers=workers,
            advice="run again, since it has changed",
        )

    others = unread_note(
        [photo for photo in tree.names if not is_image(photo)], "beside the photos, not read as images"
    )
    return Photos(
        name=name,
        split="all",
        labels=np.zeros(len(photos), dtype=np.int64),
        ids=image_ids(photos),
        classes=1,
        size=(min(height for height, _ in sizes), min(width for _, width in sizes)),
        fingerprint=tree_fingerprint(tree, found, workers),
        preprocessing=f"{preprocessing}; {codec()}",
        read=read,
        notes=(others,) if others else (),
        paths=tuple(photos),
        sizes=sizes,
    )


def _sizes(tree: FileTree, names: list[str], preprocessing: Preprocessing, workers: int) -> dict[str, tuple[int, int]]:
    """Decode every photo once for its height and width."""

    def size(name: str) -> tuple[int, int] | DataError:
        try:
            image = decode(tree.read(name), tree.place(name), preprocessing)
        except DataError as error:
            return error
        return image.shape[1], image.shape[2]

    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(names, pool.map(size, names), strict=True))
    if errors := [str(one) for one in found.values() if isinstance(one, DataError)]:
        more = [f"{len(errors) - _MOST_NAMED} more cannot be read."] if len(errors) > _MOST_NAMED else []
        raise DataError(" ".join([*errors[:_MOST_NAMED], *more]))
    return {name: one for name, one in found.items() if not isinstance(one, DataError)}
