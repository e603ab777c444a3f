"""The entries of a cell's document, and of those that describe its checkpoint and its data."""

from typing import Any, Literal, NotRequired, Required, TypedDict


class TrainingFields(TypedDict, total=False):
    """What tables group training runs by; costs are shown as far as they are numbers."""

    device: str | None
    precision: str | None


class CardFields(TypedDict, total=False):
    """The card of a checkpoint, as far as tables show it."""

    architecture: str | None
    classes: int | None
    method: str | None
    method_parameters: dict[str, Any] | None
    overlapped_corruptions: list[str] | None
    overlaps_attacks: bool | None
    overlaps_corruptions: bool | None
    data: str | None
    data_fingerprint: str | None
    recipe: str | None
    recipe_hash: str | None
    epochs: int | None
    batch_size: int | None
    optimiser: str | None
    seed: int | None
    epoch_kept: str | None
    held_out: float | None
    source: str | None
    clean_accuracy: float | None
    training: TrainingFields | None


class CheckpointFields(TypedDict):
    """A checkpoint."""

    id: str
    name: str
    card: CardFields


class SubsetFields(TypedDict):
    """Which images of a data set were taken."""

    limit: int
    of: int
    seed: NotRequired[int]


class DataFields(TypedDict):
    """A data set."""

    name: str
    fingerprint: str
    provenance: Literal["generated", "official"]
    images_key: str
    classes: int
    class_set: NotRequired[str | None]
    split: NotRequired[str | None]
    preprocessing: NotRequired[str | None]
    n_total: NotRequired[int]
    subset: NotRequired[SubsetFields | None]
    notes: NotRequired[list[str]]


class ConditionFields(TypedDict, total=False):
    """A condition: its name, its kind, and the kind's own entries."""

    name: Required[str]
    kind: Required[Literal["clean", "corruption", "shift", "window", "sequence", "attack"]]
    corruption: str
    severity: int
    table: str | None
    jpeg_quality: int | None
    edge: str
    filling: str
    fraction: float
    perturbation: str
    attack: str
    norm: str
    eps: list[str]
    eps_value: list[float | None]
    steps: int | None
    step_ratio: str | None
    restarts: int | None
    random_start: bool | None
    single_step: bool | None


class IdentityConditionFields(TypedDict, total=False):
    """What of a condition decides the numbers; further entries are compared with the condition's."""

    seed: int | None


class IdentityFields(TypedDict):
    """All that decides the numbers of a cell; further entries are hashed as they are."""

    checkpoint: dict[str, Any]
    condition: IdentityConditionFields


class CountFields(TypedDict):
    """Exact counts."""

    n: int
    n_right: int
    n_top5_right: int
    n_robust: list[int]
    n_clean_right: int | None


class MeanFields(TypedDict):
    """Means over the images."""

    confidence: float
    nll: float
    brier: float
    flip: NotRequired[float]
    top5_distance: NotRequired[float]


class PassFields(TypedDict):
    """Forward and backward passes of an attack over the images that it attacked."""

    median: float | None
    total: int


class RecordedFields(TypedDict, total=False):
    """What is kept but does not decide the numbers."""

    device: str | None
    passes: PassFields | None
    versions: dict[str, Any] | None
    plan: str


class DescribedFields(TypedDict):
    """A cell without its checkpoint, as compacted files hold it."""

    identity: IdentityFields
    data: DataFields
    condition: ConditionFields
    counts: CountFields
    means: MeanFields
    recorded: RecordedFields
    warnings: list[str]


class CellFields(DescribedFields):
    """A cell's own document."""

    checkpoint: CheckpointFields
    key: str
    status: Literal["ok"]
    examples_sha256: str
