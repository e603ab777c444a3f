"""No augmentation beyond the recipe's crop and flip: what every method is compared with."""

from dataclasses import dataclass

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.draws import Draws


@METHODS.register("baseline")
@dataclass(frozen=True)
class Baseline(Method):
    """Leaves images and targets as they are."""

    name = "baseline"

    def sample(self, draws: Draws) -> Tensor:
        """Draw nothing: shape (N, 0)."""
        return draws.uniform(0)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return the arguments."""
        return images, targets
