"""Mixing sets: the pictures that methods blend into training images, made or read when they are first asked for."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.augmentations.textures.fractals import fractals
from robustsweep.errors import UsageError

FRACTALS = "fractals"
"""Name of the set that this package makes; any other text is a folder or an archive of images."""
_MARGIN = 9 / 8


@dataclass(frozen=True, eq=False)
class MixingSet:
    """Pictures a little larger than the images, of which each use takes another part.

    Attributes:
        make: Makes the pictures of some numbers, int64 (n,), on the CPU: uint8, shape (n, 3, H', W').
        pictures: uint8 on the device, shape (P, 3, H', W'); undefined if not made.
        is_made: Which ones are, bool, shape (P,), on the CPU.
    """

    make: Callable[[Tensor], Tensor]
    pictures: Tensor
    is_made: Tensor

    def parts(self, drawn: Tensor, height: int, width: int) -> Tensor:
        """Cut a part out of a picture for each image.

        Args:
            drawn: float64 in [0, 1), shape (N, 3): which picture, and the part's place from top and left.
            height: Of the part, in pixels.
            width: Of the part, in pixels.

        Returns:
            uint8, shape (N, 3, height, width).
        """
        number = (drawn[:, 0] * len(self.pictures)).long()
        wanted = number.bincount().nonzero()[:, 0].cpu()
        missing = wanted[~self.is_made[wanted]]
        if len(missing):
            self.pictures[missing.to(self.pictures.device)] = self.make(missing).to(self.pictures.device)
            self.is_made[missing] = True
        free = torch.tensor([self.pictures.shape[2] - height, self.pictures.shape[3] - width], device=drawn.device)
        top, left = (drawn[:, 1:] * (free + 1)).long().unsqueeze(2).unbind(1)
        rows = top + torch.arange(height, device=drawn.device)
        columns = left + torch.arange(width, device=drawn.device)
        # Indices around the channel axis put it last.
        found = self.pictures[number.view(-1, 1, 1), :, rows.unsqueeze(2), columns.unsqueeze(1)]
        return found.permute(0, 3, 1, 2)


@lru_cache(maxsize=4)
def mixing_set(textures: str, count: int, seed: int, height: int, width: int, device: torch.device) -> MixingSet:
    """Open a mixing set for images of one size.

    Args:
        textures: ``"fractals"``, or a folder or an archive of images.
        count: How many fractals there are, or how many of the files are taken at most.
        seed: Of the fractals.
        height: Of the images, in pixels; pictures are an eighth larger.
        width: Of the images, in pixels.
        device: Where the images are.
    """
    larger = round(_MARGIN * height), round(_MARGIN * width)
    if textures == FRACTALS:
        make: Callable[[Tensor], Tensor] = partial(fractals, seed, height=larger[0], width=larger[1])
    else:
        names = _names(textures, count)
        count, make = len(names), partial(_read, textures, names, larger)
    pictures = torch.empty(count, 3, *larger, dtype=torch.uint8, device=device)
    return MixingSet(make, pictures, torch.zeros(count, dtype=torch.bool))


def folder_hash(textures: str, count: int) -> str:
    """Return the SHA-256 of the names and contents of the files that ``mixing_set`` would read.

    Raises:
        UsageError: If the folder holds no image.
        DataError: If it is missing or cannot be read.
    """
    from robustsweep.benchmark.data.files.fingerprints import remembered
    from robustsweep.benchmark.data.files.trees import open_tree

    tree, names = open_tree(Path(textures).expanduser()), _names(textures, count)

    def compute() -> str:
        digest = hashlib.sha256()
        for name in names:
            digest.update(f"{name}\0".encode() + hashlib.sha256(tree.read(name)).digest())
        return digest.hexdigest()

    return remembered(f"textures {count}\0{tree.stamp}", compute)


def _names(textures: str, count: int) -> tuple[str, ...]:
    """Take ``count`` images of a folder, evenly from all below it in the order of their names."""
    from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES
    from robustsweep.benchmark.data.files.trees import open_tree, select

    names = select(open_tree(Path(textures).expanduser()).names, IMAGE_SUFFIXES)
    if not names:
        raise UsageError(f"{textures} holds no images; name a folder of pictures, or textures={FRACTALS!r}.")
    return tuple(names[place * len(names) // count] for place in range(count)) if count < len(names) else tuple(names)


def _read(textures: str, names: tuple[str, ...], size: tuple[int, int], numbers: Tensor) -> Tensor:
    """Read images; each is resized until it covers ``size``, antialiased, and its middle cut out."""
    from robustsweep.benchmark.data.files.pixels import Preprocessing, decode
    from robustsweep.benchmark.data.files.trees import open_tree

    tree, pictures = open_tree(Path(textures).expanduser()), []
    for name in (names[number] for number in numbers.tolist()):
        image = decode(tree.read(name), tree.place(name), Preprocessing())
        scale = max(size[0] / image.shape[1], size[1] / image.shape[2])
        covering = [max(least, round(scale * side)) for least, side in zip(size, image.shape[1:], strict=True)]
        resized = F.interpolate(image[None], covering, mode="bilinear", antialias=True)
        top, left = (covering[0] - size[0]) // 2, (covering[1] - size[1]) // 2
        pictures.append(resized[:, :, top : top + size[0], left : left + size[1]])
    return torch.cat(pictures)
