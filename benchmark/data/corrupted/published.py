"""The published trees: ImageNet-C, Tiny-ImageNet-C, C-bar and 3DCC, their classes, corruptions and known faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, TINY_IMAGENET, WordnetClasses
from robustsweep.corruptions import CORRUPTIONS, IMAGENET_C_BAR
from robustsweep.results.corruption_names import IMAGENET_3DCC


@dataclass(frozen=True)
class PublishedTree:
    """What tells one published tree from another.

    Attributes:
        wordnet: The classes that its class folders are some of.
        made_from: Which clean images it was made from, in a sentence, if that is not plain.
        faults: Corruptions whose published files have classes of others, with a sentence on what to fetch instead.
        only: Its corruptions, if it has others than the common fifteen. Severity folders of C-bar may be named by
            the generator's raw severities too, as 2.35, which its scripts write.
    """

    wordnet: WordnetClasses
    made_from: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """The corruptions that are read."""
        return self.only or tuple(CORRUPTIONS)

    def severity(self, corruption: str, folder: str) -> str:
        """Return the severity, 1 to 5, that a folder's name stands for, or the name."""
        if corruption not in self.only or corruption not in CORRUPTIONS:
            return folder
        raw = [f"{severity:.2f}" for (severity, *_) in CORRUPTIONS[corruption].severities["imagenet"]]
        return str(raw.index(folder) + 1) if folder in raw else folder


IMAGENET_C = PublishedTree(IMAGENET_1K)
"""Source: Hendrycks and Dietterich, ICLR 2019; Zenodo record 2235448."""
TINY_IMAGENET_C = PublishedTree(
    TINY_IMAGENET,
    made_from=(
        "The published Tiny-ImageNet-C was made from imagenet_val_bbox_crop (test_N.JPEG, resized to 64x64), not from "
        "Tiny-ImageNet's validation images (val_N.JPEG)."
    ),
    faults={"frost": "The frost of Zenodo record 2536630 has 1000 classes; fetch the corrected one of record 8206060."},
)
"""Source: Hendrycks and Dietterich, ICLR 2019; Zenodo record 8206060; hendrycks/robustness issues 39 and 60."""
IMAGENET_3DCC_TREE = PublishedTree(IMAGENET_1K, only=IMAGENET_3DCC)
"""Source: Kar, Yeo and Zamir 2022; Shift Happens' loader of it; datasets.epfl.ch/3dcc/imagenet_3dcc."""
IMAGENET_C_BAR_TREE = PublishedTree(IMAGENET_1K, only=IMAGENET_C_BAR)
"""Source: Mintun, Kirillov and Xie, NeurIPS 2021; dl.fbaipublicfiles.com/inc_bar/imagenet_c_bar.tar.gz."""
TINY_IMAGENET_C_BAR_TREE = PublishedTree(TINY_IMAGENET, only=IMAGENET_C_BAR)
"""Not published: what ``robustsweep corrupt`` writes."""
