"""Training recipes: everything but data, architecture, method and seed that decides what a training computes."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from robustsweep.errors import UsageError
from robustsweep.registry import Registry


@dataclass(frozen=True, slots=True)
class Recipe:
    """SGD with Nesterov momentum under a learning rate that rises linearly and falls along a half cosine.

    Attributes:
        name: Shown wherever a result is.
        epochs: Passes over the training images, at least 1.
        batch_size: Images per step; the last, incomplete batch of an epoch is dropped.
        learning_rate: The peak.
        weight_decay: Applied to every parameter.
        momentum: Of the gradient.
        warmup_epochs: Length of the rise, below ``epochs``.
        crop_padding: Black pixels on each side before the random crop; 0: no crop.
        flip: Whether images are mirrored with probability one half.
        label_smoothing: Share of a label that is spread over all classes.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    warmup_epochs: float = 0.0
    crop_padding: int = 4
    flip: bool = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise UsageError(
                f"Recipe {self.name!r} needs at least one epoch, one image per step and a positive learning rate; got "
                f"epochs={self.epochs}, batch_size={self.batch_size}, learning_rate={self.learning_rate}."
            )
        if not (0 <= self.warmup_epochs < self.epochs and 0 <= self.label_smoothing < 1 and self.crop_padding >= 0):
            raise UsageError(
                f"Recipe {self.name!r} needs 0 <= warmup_epochs < epochs, 0 <= label_smoothing < 1 and crop_padding >= "
                f"0; got {self.warmup_epochs}, {self.label_smoothing} and {self.crop_padding}."
            )

    @property
    def hash(self) -> str:
        """64 hexadecimal digits that depend on every field but the name."""
        content = {key: value for key, value in asdict(self).items() if key != "name"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def optimiser(self) -> str:
        """The optimiser with its parameters, for a checkpoint's card."""
        return (
            f"SGD learning_rate={self.learning_rate} momentum={self.momentum} nesterov weight_decay={self.weight_decay}"
            f", {self.warmup_epochs} epochs of linear warm-up, then cosine to 0"
        )

    def learning_rate_at(self, epoch: float) -> float:
        """Return the learning rate at a time measured in epochs, from 0 to ``epochs``."""
        if epoch < self.warmup_epochs:
            return self.learning_rate * epoch / self.warmup_epochs
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


RECIPES: Registry[Recipe] = Registry("recipe")

RECIPES.add(
    "digits",
    Recipe(
        name="digits",
        epochs=12,
        batch_size=64,
        learning_rate=0.1,
        weight_decay=5e-4,
        warmup_epochs=2,
        crop_padding=2,
        flip=False,
    ),
)
