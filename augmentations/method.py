"""Training-time augmentations: their interface and their registry."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, get_type_hints

from torch import Tensor, nn

from robustsweep.bounds import check_fields
from robustsweep.draws import Draws
from robustsweep.errors import UsageError
from robustsweep.registry import Registry
from robustsweep.values import typed_values

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Maps logits (n, K) and targets (n, K), whose rows need not sum to 1, to one loss per image, float32 (n,)."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one training step has to work with; N images.

    Attributes:
        network: The bare classifier, in training mode: maps normalised images (n, C, H, W) to logits (n, K).
        images: What ``Method.pixels`` returned, normalised, float32 (N, C, H, W), or (V N, C, H, W) for V views.
        targets: Class probabilities, float32 (N, K).
        sample: Rows of ``Method.sample`` for these images, float64 (N, P).
        criterion: The recipe's loss.
        progress: Share of the training that is over, in [0, 1).
        mean: What was subtracted from pixels in [0, 1], float32 (1, C, 1, 1); None if that is not known.
        std: What they were divided by after that, likewise.
    """

    network: nn.Module
    images: Tensor
    targets: Tensor
    sample: Tensor
    criterion: Criterion
    progress: float
    mean: Tensor | None = None
    std: Tensor | None = None


@dataclass(frozen=True)
class Method(ABC):
    """An augmentation of batches; its dataclass fields are its parameters, and their annotations what these may be.

    Drawing is split from applying. ``sample`` draws for any number of images at once, one row each, and a row is a
    function of the draws' seed, stream and that image's id alone; everything else is deterministic. A trainer may draw
    for a whole epoch and hand each batch its rows. A step of it goes through ``pixels`` (on cropped and mirrored
    pixels, before the normalisation) and then ``loss``, which calls ``apply``; most methods define ``apply`` alone.
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        """Refuse a parameter that is none of its ``Literal``'s values, or outside its ``Bound``."""
        check_fields(self, self.name)

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Names of the corruptions that its operations overlap, which are then not unseen; none unless it says so."""
        return ()

    @property
    def smooths_labels(self) -> bool:
        """Whether it smooths labels as a recipe may, which then must not."""
        return False

    @property
    def search_seconds(self) -> float | None:
        """How long the search took that the method rests on, which no training counts; None if there was none."""
        return None

    @property
    def overlaps_attacks(self) -> bool:
        """Whether it trains on perturbations as attacks make them, so that accuracy under attack is not a surprise."""
        return False

    @abstractmethod
    def sample(self, draws: Draws) -> Tensor:
        """Draw the numbers that decide what happens to each image.

        Returns:
            float64, shape (N, P), on the device of the draws' ids; P is the method's own.
        """

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        """Distort pixels before they are normalised; unless a method says otherwise, leave them as they are.

        Args:
            images: uint8, shape (N, C, H, W), after crop and flip.
            sample: Rows of ``sample`` for these images, shape (N, P).

        Returns:
            uint8, or float32 in [0, 255], shape (N, C, H, W); or (V N, C, H, W), one view of all images after another.
        """
        return images

    def loss(self, step: Step) -> Tensor:
        """Compute the loss to be differentiated with respect to the network's parameters: a scalar with its graph."""
        images, targets = self.apply(step.images, step.targets, step.sample)
        return step.criterion(step.network(images), targets).mean()

    @abstractmethod
    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Augment one batch.

        Args:
            images: Normalised float32 images, shape (N, C, H, W).
            targets: Class probabilities, float32, shape (N, K).
            sample: Rows of ``sample`` for these images, shape (N, P).

        Returns:
            Images and targets of the same shapes; the arguments are left as they were.
        """

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name as JSON reads them back, for a checkpoint's card: lists, not tuples."""
        parameters: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return parameters


METHODS: Registry[type[Method]] = Registry("method", base=Method)


def parameters_of(name: str) -> tuple[str, ...]:
    """List the parameters of a method.

    Raises:
        UsageError: If the name is unknown, or the method of another package has none to list.
    """
    method = METHODS[name]
    with METHODS.using(name):
        return tuple(field.name for field in fields(method))


def build_method(name: str, **parameters: Any) -> Method:
    """Build a method from its name and those parameters that differ from its defaults.

    Raises:
        UsageError: If the name or a parameter is unknown, or a value is of another type or out of its range.
    """
    method, known = METHODS[name], parameters_of(name)
    with METHODS.using(name):
        hints = get_type_hints(method)
    chosen = typed_values(parameters, {key: hints[key] for key in known}, f"parameter of {name}", name)
    with METHODS.using(name):
        return method(**chosen)


def require(condition: bool, method: str, parameter: str, expected: str, value: object) -> None:
    """Refuse a parameter's value unless ``condition`` holds.

    Raises:
        UsageError: If it does not.
    """
    if not condition:
        raise UsageError(f"{method}: {parameter} must be {expected}, got {value!r}.")
