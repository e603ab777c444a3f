"""Label smoothing: part of each label is spread over all classes, the images unchanged.

Source: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer vision" (CVPR
2016), section 7: y <- (1 - epsilon) y + epsilon / K, as in torch's cross-entropy. A recipe can smooth labels for every
method; as a method it stands in a table beside those that mix labels. It flattens gradients, so that a single step
along them says little of robustness: look at an iterative attack.
"""

from dataclasses import dataclass

from torch import Tensor

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.bounds import Share
from robustsweep.draws import Draws


@METHODS.register("label_smoothing")
@dataclass(frozen=True)
class LabelSmoothing(Method):
    """Spreads a share of each label evenly over all classes.

    Attributes:
        epsilon: The share, in [0, 1].
    """

    name = "label_smoothing"
    epsilon: Share = 0.1

    @property
    def smooths_labels(self) -> bool:
        """Whether it smooths labels, as a recipe must then not do."""
        return True

    def sample(self, draws: Draws) -> Tensor:
        """Draw nothing: shape (N, 0)."""
        return draws.uniform(0)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Smooth the targets; the images are returned as they came."""
        return images, targets * (1 - self.epsilon) + self.epsilon / targets.shape[1]
