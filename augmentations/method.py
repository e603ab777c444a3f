"""What a training-time augmentation is, and the registry of them."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from torch import Tensor

from robustsweep.draws import Draws
from robustsweep.errors import UsageError
from robustsweep.registry import Registry, unknown_name


@dataclass(frozen=True)
class Method(ABC):
    """An augmentation of batches; its dataclass fields are its parameters.

    Drawing is split from applying. ``sample`` draws for any number of images at once, one row each, and a row is a
    function of the draws' seed, stream and that image's id alone; ``apply`` is deterministic. A trainer may draw for
    a whole epoch and hand each batch its rows.
    """

    name: ClassVar[str]

    @abstractmethod
    def sample(self, draws: Draws) -> Tensor:
        """Draw the numbers that decide what happens to each image.

        Returns:
            float64, shape (N, P), on the device of the draws' ids; P is the method's own.
        """

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
        """Return the parameters by name, ready for a checkpoint's card."""
        return asdict(self)


METHODS: Registry[type[Method]] = Registry("method")


def build_method(name: str, **parameters: Any) -> Method:
    """Build a method from its name and those parameters that differ from its defaults.

    Raises:
        UsageError: If the name or a parameter is unknown, or a value is out of its range.
    """
    method = METHODS[name]
    known = [f.name for f in fields(method)]
    for parameter in parameters:
        if parameter not in known:
            raise unknown_name(f"parameter of {name}", parameter, known)
    return method(**parameters)


def require(condition: bool, method: str, parameter: str, expected: str, value: object) -> None:
    """Refuse a parameter's value unless ``condition`` holds.

    Raises:
        UsageError: If it does not.
    """
    if not condition:
        raise UsageError(f"{method}: {parameter} must be {expected}, got {value!r}.")
