"""Methods that blend pictures of a mixing set, and AugMix's operations, into images."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from robustsweep.augmentations.method import Method, require
from robustsweep.augmentations.parts.tones import OVERLAPPED
from robustsweep.augmentations.textures.mixing_set import FRACTALS, MixingSet, folder_hash, mixing_set
from robustsweep.bounds import Positive, between


@dataclass(frozen=True)
class TextureMethod(Method):
    """A method that mixes pixels with pictures by ``arithmetic``.

    Attributes:
        severity: Upper end of the operations' levels, in [0.1, 10]; the ImageNet scripts of PixMix and IPMix take 1.
        beta: Positive: how near mixing leaves one side as it is; 3 on CIFAR, 4 on ImageNet.
        all_operations: Whether the operations that overlap the benchmark's corruptions take part; a network trained
            with them has seen what it is tested on.
        textures: ``"fractals"``, which this package draws, or a folder or an archive of images, whatever its classes.
        n_textures: Number of fractals, at most 100 000; of a folder's images at most that many, evenly from the sorted
            names. A fractal takes 5 ms of a processor at 36 x 36 pixels and a quarter of a second at 252 x 252, once in
            a training run.
        texture_seed: Of the fractals.
        texture_hash: Of the folder's images, filled in; for a card, it says which they were. Empty for fractals, which
            the other parameters define.
        operations: Names of the operations that every training uses (class attribute).
        overlapping_operations: Names of those that ``all_operations`` adds (class attribute).
    """

    severity: Annotated[float, between(0.1, 10)] = 3.0
    beta: Positive = 3.0
    all_operations: bool = False
    textures: str = FRACTALS
    n_textures: Annotated[int, between(1, 100_000)] = 1000
    texture_seed: int = 0
    texture_hash: str = ""
    operations: ClassVar[tuple[str, ...]]
    overlapping_operations: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        found = "" if self.textures == FRACTALS else folder_hash(self.textures, self.n_textures)
        is_expected = self.texture_hash in ("", found)
        require(is_expected, self.name, "texture_hash", f"{found!r}, that of {self.textures}", self.texture_hash)
        object.__setattr__(self, "texture_hash", found)

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Names of the corruptions that the overlapping operations resemble.

        The arithmetic with an image's own distortion is a change of contrast or a gamma if that distortion is
        slight: contrast and brightness are overlapped weakly in any case, and not named for that.
        """
        return OVERLAPPED if self.all_operations else ()

    @property
    def operation_names(self) -> tuple[str, ...]:
        """Names of the operations that take part."""
        return self.operations + (self.overlapping_operations if self.all_operations else ())

    def mixing_set(self, images: Tensor) -> MixingSet:
        """Return the pictures for images of this size and device."""
        height, width = images.shape[-2:]
        return mixing_set(self.textures, self.n_textures, self.texture_seed, height, width, images.device)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments: ``pixels`` did it all."""
        return images, targets
