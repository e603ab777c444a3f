"""The card of a checkpoint: what its weights are and how they came to be."""

import json
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.errors import CheckpointError, DataError, UsageError
from robustsweep.printable import printable
from robustsweep.untrusted.files import parse_json
from robustsweep.values import check_plain

_SHOWN = 200
_OVERLAPS = ("overlapped_corruptions", "overlaps_attacks", "overlaps_corruptions")


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that is known of a checkpoint beside its weights.

    The first five fields decide what the network computes; the rest say where it comes from and are None if that
    is unknown.

    Attributes:
        architecture: A built-in name such as ``"resnet20"``, or ``timm:NAME``, ``torchvision:NAME``,
            ``pytorchcv:NAME``, ``robustbench:DATASET/THREAT/ID`` or ``py:package.module:factory``.
        classes: Number of outputs.
        normalisation: What is done to images in [0, 1] before they enter the network.
        input_size: Side in pixels that the network expects; None: any.
        resize_input: Whether images of another side are resized to ``input_size`` inside the module.
        method: Training-time augmentation, such as ``"cutmix"``.
        method_parameters: The parameters of the method.
        overlapped_corruptions: Names of the corruptions that operations of the method overlap.
        overlaps_attacks: Whether the method changes training images along gradients, as attacks do.
        overlaps_corruptions: What cards of earlier versions say instead of the names: whether there are any. Tables
            name those that the method and its parameters prove, and else say that the card does not tell.
        data: Name of the training data.
        data_fingerprint: Fingerprint of the training data.
        recipe: Name of the training recipe.
        recipe_hash: Hash of the recipe's content.
        epochs: Epochs trained.
        batch_size: Images per step.
        optimiser: Optimiser with its parameters, as text.
        seed: Training seed.
        epoch_kept: ``"last"`` or ``"best"``.
        held_out: Share of the training images that no step saw, as the choice of the best epoch needs.
        source: Where the weights were published, pinned to a commit, such as ``"hf:ORG/NAME@COMMIT:FILE"``.
        clean_accuracy: What its maker states for clean test images, in [0, 1]; a sweep warns if it finds another.
        training: Costs and training history, such as ``seconds_per_epoch``.
    """

    architecture: str
    classes: int
    normalisation: Normalisation
    input_size: int | None = None
    resize_input: bool = False
    method: str | None = None
    method_parameters: dict[str, Any] = field(default_factory=dict)
    overlapped_corruptions: list[str] | None = None
    overlaps_attacks: bool | None = None
    overlaps_corruptions: bool | None = None
    data: str | None = None
    data_fingerprint: str | None = None
    recipe: str | None = None
    recipe_hash: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    optimiser: str | None = None
    seed: int | None = None
    epoch_kept: str | None = None
    held_out: float | None = None
    source: str | None = None
    clean_accuracy: float | None = None
    training: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON-ready values."""
        return asdict(self)

    def to_json(self) -> str:
        """Return the card as one line of JSON.

        Raises:
            CheckpointError: If it could not be read back.
        """
        try:
            self._check_types()
            check_plain(self.to_dict(), "it")
            return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)
        except (UsageError, ValueError, TypeError, RecursionError) as error:
            raise CheckpointError(f"The card cannot be written ({error}).") from error

    def differing_fields(self, other: "Card") -> list[str]:
        """Name the fields in which two cards differ.

        The training history is none of them, nor are overlaps with what is tested, which follow from the method.
        """
        names = [f.name for f in fields(self) if f.name not in ("training", *_OVERLAPS)]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    def _check_types(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
            fits = isinstance(value, tuple(get_origin(kind) or kind for kind in kinds))
            if not fits or (isinstance(value, bool) and bool not in kinds):
                raise TypeError(f"{name} is {value!r}")
        if not all(isinstance(name, str) for name in self.overlapped_corruptions or ()):
            raise TypeError(f"overlapped_corruptions is {self.overlapped_corruptions!r}")
        if self.classes < 1 or (self.input_size is not None and self.input_size < 1):
            raise ValueError(f"classes is {self.classes}, input_size is {self.input_size}")
        if self.clean_accuracy is not None and not 0 <= self.clean_accuracy <= 1:
            raise ValueError(f"clean_accuracy is {self.clean_accuracy}")

    @classmethod
    def from_json(cls, text: str, what: str = "The card") -> "Card":
        """Read a card.

        Args:
            text: Strict JSON, without NaN and Infinity.
            what: What it is, for errors, such as ``"The card of FILE"``.

        Raises:
            CheckpointError: If the text is not a card, or a field is unknown, missing or of another type.
        """
        advice = "convert the checkpoint again"
        try:
            values = parse_json(text, what, advice)
            if not isinstance(values, dict):
                raise TypeError(f"it is a {type(values).__name__}")
            unknown = sorted(values.keys() - {f.name for f in fields(cls)})
            if unknown:
                names = printable(", ".join(unknown))[:_SHOWN]
                raise CheckpointError(f"{what} has fields that this version does not know: {names}.")
            check_plain(values, "it")
            mean, std = values["normalisation"]["mean"], values["normalisation"]["std"]
            values["normalisation"] = Normalisation(mean=tuple(mean), std=tuple(std))
            card = cls(**values)
            card._check_types()
            return card
        except DataError as error:
            raise CheckpointError(str(error)) from error
        except (UsageError, ValueError, TypeError, KeyError) as error:
            reason = printable(str(error).rstrip("."))[:_SHOWN]
            raise CheckpointError(f"{what} cannot be read ({reason}); {advice}.") from error
