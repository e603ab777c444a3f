"""Classes that are named by WordNet ids (wnids): which a data set has, and in what order they are numbered."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from robustsweep.errors import DataError


@dataclass(frozen=True, slots=True)
class WordnetClasses:
    """The classes of one data set.

    Attributes:
        name: The data set, for messages.
        wnids: In class order, which is their sorted order, as torchvision's ImageFolder and so checkpoints have it.
        folders: What the class folders are called, in the same order; none: as their wnids.
    """

    name: str
    wnids: tuple[str, ...]
    folders: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.wnids)

    def indices(self, folders: tuple[str, ...], root: Path) -> dict[str, int]:
        """Return the class index of each folder, the same also when only some classes are there.

        Raises:
            DataError: If a folder is none of the classes.
        """
        known = {name: index for index, name in enumerate(self.folders or self.wnids)}
        for folder in folders:
            if folder not in known:
                raise DataError(f"{root}: {folder!r} is not a wnid of {self.name}; use imagefolder: for other classes.")
        return {folder: known[folder] for folder in folders}

    def written_names(self) -> tuple[str, ...]:
        """Return what people call the classes, in class order; Source: torchvision's names of ImageNet-1k."""
        # torchvision takes seconds to import.
        from torchvision.models import ResNet18_Weights

        names = dict(zip(IMAGENET_1K.wnids, ResNet18_Weights.IMAGENET1K_V1.meta["categories"], strict=True))
        return tuple(names[wnid] for wnid in self.wnids)


def _listed(name: str, file: str) -> WordnetClasses:
    return WordnetClasses(name, tuple(files(__package__).joinpath(file).read_text().split()))


IMAGENET_1K = _listed("ImageNet-1k", "imagenet_wnids.txt")
"""The 1 000 classes of ImageNet-1k."""
TINY_IMAGENET = _listed("Tiny-ImageNet", "tiny_imagenet_wnids.txt")
"""The 200 classes of Tiny-ImageNet, all of them also in ImageNet-1k. Its own ``wnids.txt`` is in another order."""
