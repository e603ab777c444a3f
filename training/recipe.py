"""Training recipes: everything but data, architecture, method and seed that decides what a training computes."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_type_hints

from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.bounds import Count, NotNegative, Positive, PositiveCount, ShareBelowOne, check_fields
from robustsweep.errors import UsageError
from robustsweep.plan_file import read_plan
from robustsweep.registry import Registry, unknown_name
from robustsweep.values import typed_values


@dataclass(frozen=True, slots=True)
class Recipe:
    """SGD with Nesterov momentum under a learning rate that rises linearly and falls along a half cosine or in steps.

    Attributes:
        name: Shown wherever a result is.
        epochs: Passes over the training images, at least 1.
        batch_size: Images per step; the last, incomplete batch of an epoch is dropped.
        learning_rate: The peak.
        weight_decay: Applied to every parameter.
        momentum: Of the gradient.
        warmup_epochs: Length of the rise, below ``epochs``.
        schedule: ``"cosine"``: a half cosine to 0 after the rise. ``"step"``: a tenth at each of ``drops_at``.
        drops_at: Shares of the training, ascending in (0, 1), at which a stepped learning rate drops.
        crop: ``"padded"``: a crop of the image's own size out of itself with black borders. ``"resized"``: a random
            part of the whole photo, resized; images are read as the training goes.
        crop_padding: Black pixels on each side before the random crop; 0: no crop.
        crop_size: Side in pixels of a ``"resized"`` crop; None with ``"padded"``.
        flip: Whether images are mirrored with probability one half.
        label_smoothing: Share of a label that is spread over all classes.
        precision: Of the network's forward and backward pass on CUDA devices, ``"float32"`` or ``"bfloat16"``
            (autocast); weights, loss and update are float32 always, and a CPU computes everything in float32.
        norm: Name of the constants that normalise the input, such as ``"imagenet"``; None, for ``"padded"`` crops
            alone: the statistics of the images that are trained on.
        architecture: What the recipe is meant for; None: it must be named with the training.
    """

    name: str
    epochs: PositiveCount
    batch_size: PositiveCount
    learning_rate: Positive
    weight_decay: NotNegative
    momentum: ShareBelowOne = 0.9
    warmup_epochs: NotNegative = 0.0
    schedule: Literal["cosine", "step"] = "cosine"
    drops_at: tuple[float, ...] = ()
    crop: Literal["padded", "resized"] = "padded"
    crop_padding: Count = 4
    flip: bool = True
    label_smoothing: ShareBelowOne = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    crop_size: int | None = None
    norm: str | None = None
    architecture: str | None = None

    def __post_init__(self) -> None:
        what = f"Recipe {self.name!r}"
        check_fields(self, what)
        if self.warmup_epochs >= self.epochs:
            raise UsageError(f"{what}: warmup_epochs must be below epochs, {self.epochs}, got {self.warmup_epochs}.")
        self._check_crop()
        self._check_drops()

    def _check_crop(self) -> None:
        if self.norm is not None and self.norm not in NORMALISATIONS:
            raise unknown_name(f"norm of the recipe {self.name!r}:", self.norm, list(NORMALISATIONS))
        if self.crop == "padded" and self.crop_size is not None:
            raise UsageError(f"Recipe {self.name!r} has crop_size={self.crop_size}, which needs crop = 'resized'.")
        if self.crop == "resized" and (self.norm is None or not self.crop_size or self.crop_size < 1):
            raise UsageError(
                f"Recipe {self.name!r} needs a positive crop_size and a norm for crop = 'resized'; got "
                f"{self.crop_size} and {self.norm}."
            )
        if self.crop == "resized" and self.crop_padding:
            raise UsageError(
                f"Recipe {self.name!r} needs crop_padding = 0 for crop = 'resized'; got {self.crop_padding}."
            )

    def _check_drops(self) -> None:
        ends = (0.0, *self.drops_at, 1.0)
        ascend = all(before < after for before, after in zip(ends, ends[1:], strict=False))
        if not ascend or (self.schedule == "step") != bool(self.drops_at):
            raise UsageError(
                f"Recipe {self.name!r} needs drops_at, shares of the training that ascend in (0, 1), for the schedule "
                f"'step' and none for 'cosine'; got {list(self.drops_at)} for {self.schedule!r}."
            )

    @property
    def hash(self) -> str:
        """64 hexadecimal digits that depend on what is learnt, whatever the number of epochs.

        The name, the default architecture and the number of epochs, which a card states by itself, do not enter; the
        warm-up counts as a share of the training. What is None does not enter either, so that a new key changes no
        older hash.
        """
        left_out = ("name", "architecture", "epochs")
        content = {key: value for key, value in asdict(self).items() if key not in left_out and value is not None}
        content["warmup_epochs"] = round(self.warmup_epochs / self.epochs, 9)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def optimiser(self) -> str:
        """The optimiser with its parameters, for a checkpoint's card; the same for any number of epochs."""
        fall = "cosine to 0" if self.schedule == "cosine" else f"a tenth at {', '.join(map(str, self.drops_at))}"
        return (
            f"SGD learning_rate={self.learning_rate} momentum={self.momentum} nesterov weight_decay={self.weight_decay}"
            f", linear warm-up over {self.warmup_epochs / self.epochs:.3g} of the training, then {fall}"
        )

    def lasting(self, epochs: int) -> "Recipe":
        """Return the recipe with another number of epochs; warm-up and drops keep their shares of the training."""
        return replace(self, epochs=epochs, warmup_epochs=self.warmup_epochs * epochs / self.epochs)

    def learning_rate_at(self, epoch: float) -> float:
        """Return the learning rate at a time measured in epochs, from 0 to ``epochs``."""
        if epoch < self.warmup_epochs:
            return self.learning_rate * epoch / self.warmup_epochs
        if self.schedule == "step":
            return self.learning_rate * 0.1 ** sum(epoch >= share * self.epochs for share in self.drops_at)
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file, whose keys are the fields of ``Recipe``; its name is the file's.

    Raises:
        UsageError: If it is not TOML, a key is unknown, missing or of the wrong type, or a value is out of range.
    """
    content = read_plan(path, "recipe")
    hints = {key: hint for key, hint in get_type_hints(Recipe).items() if key != "name"}
    values = typed_values(content, hints, f"key of the recipe {path}", f"The recipe {path}")
    for key in ("epochs", "batch_size", "learning_rate", "weight_decay"):
        if key not in content:
            raise UsageError(f"The recipe {path} lacks {key}.")
    return Recipe(name=path.stem, **values)


RECIPES: Registry[Recipe] = Registry("recipe", Recipe)

for _path in sorted((Path(__file__).parent / "recipes").glob("*.toml")):
    RECIPES.add(_path.stem, read_recipe(_path))


def find_recipe(text: str) -> Recipe:
    """Find a recipe by its name, or read it if ``text`` is a path that ends in ``.toml``.

    Raises:
        UsageError: If there is none.
    """
    return read_recipe(Path(text).expanduser()) if text.endswith(".toml") else RECIPES[text]
