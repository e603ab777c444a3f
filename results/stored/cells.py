"""Cells: the identity that names one, exact counts, and per-image arrays."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Json = dict[str, Any]


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Json) -> str:
    """Serialise ``value`` with sorted keys and no spaces; equal values give equal text."""
    return _CANONICAL.encode(value)


def identity_key(identity: Json) -> str:
    """Return the sha256 of the canonical JSON of ``identity``, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()


def setting_of(identity: Json) -> str:
    """Return all that decides the numbers of a cell but the checkpoint, as canonical JSON."""
    return canonical_json({name: value for name, value in identity.items() if name != "checkpoint"})


@dataclass(frozen=True, slots=True)
class Examples:
    """What one checkpoint said about each image of one condition; every array has shape (n,).

    Attributes:
        prediction: int32, the top-1 class.
        top5_hit: bool, whether the label is among the five largest logits (all classes if there are fewer).
        confidence: float32 in [0, 1], the largest softmax probability.
        nll: float32, negative log-likelihood of the label, in nats.
        brier: float32 in [0, 2], squared distance between the softmax vector and the one-hot label.
        rung: int8 for attacks, else None: how far an image held out. -1: wrong before any attack; k: first fooled
            at the condition's k-th eps (ascending); the number of eps: never fooled. In the torchattacks protocol 0:
            the last iterate is wrong; 1: it is right, whatever the clean image was.
        restart: int16 for attacks, else None: the restart that fooled it, -1 if none did.
        step: int16 for attacks, else None: the step that fooled it (0 is the start, or unknown for another library's
            attack), -1 if none did.
        l2: float32 for attacks without a budget, else None: distance from the clean image to the attack's, in units of
            the pixel range [0, 1]; 0 if the image was wrong before it. For a minimum-norm attack that of the nearest
            image that fools, infinity if none was found.
        linf: Likewise.
        passes: int32 for attacks of this package, else None: forward and backward passes of the network over the image
            and those made of it.
        frames: uint16 of shape (n, frames) for sequences, else None: the top-1 class of each frame; what else is stored
            is of the first frame, but for ``flip`` and ``top5_distance``.
        flip: float32 in [0, 1] for sequences, else None: see ``flip_probability``.
        top5_distance: float32 in [0, 15], likewise: see ``top5_distance``.
    """

    prediction: Array
    top5_hit: Array
    confidence: Array
    nll: Array
    brier: Array
    rung: Array | None = None
    restart: Array | None = None
    step: Array | None = None
    l2: Array | None = None
    linf: Array | None = None
    passes: Array | None = None
    frames: Array | None = None
    flip: Array | None = None
    top5_distance: Array | None = None

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that are present, by name."""
        named = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: array for name, array in named if array is not None}

    @classmethod
    def concatenate(cls, blocks: list["Examples"]) -> "Examples":
        """Join blocks of one cell in order."""
        return cls(**{name: np.concatenate([b.arrays()[name] for b in blocks]) for name in blocks[0].arrays()})


@dataclass(frozen=True, slots=True)
class Counts:
    """Exact counts of one cell.

    Attributes:
        n: Images.
        n_right: Images whose prediction in ``Examples.prediction`` equals the label.
        n_top5_right: Images with a top-5 hit.
        n_robust: For attacks, per eps, the images still right under it; empty otherwise.
        n_clean_right: For attacks, the images that were right before the attack; None otherwise, and in the
            torchattacks protocol, which does not ask.
    """

    n: int
    n_right: int
    n_top5_right: int
    n_robust: tuple[int, ...] = ()
    n_clean_right: int | None = None


@dataclass(frozen=True)
class Cell:
    """One finished cell: everything about it but its per-image arrays.

    Attributes:
        identity: All that decides the numbers; its hash is the key.
        checkpoint: ``id`` (12 hex), ``name`` and ``card``.
        data: ``name``, ``fingerprint``, ``provenance`` (``"generated"`` or ``"official"``), ``n_total``, ``classes``,
            ``subset`` (None, or ``limit``, ``of`` and ``seed``), ``images_key``, ``class_set`` (which of ImageNet's
            classes; None: others) and ``notes``.
        condition: ``name``, ``kind`` (``"clean"``, ``"shift"``, ``"corruption"``, ``"window"``, ``"sequence"`` or
            ``"attack"``) and the
            kind's own fields.
        counts: Exact counts.
        means: Means over the images of ``confidence``, ``nll`` and ``brier``; of sequences also of ``flip`` and
            ``top5_distance``.
        recorded: What is kept but does not decide the numbers: device, batch size, versions, seconds.
        warnings: Sentences that belong beside the numbers.
    """

    identity: Json
    checkpoint: Json
    data: Json
    condition: Json
    counts: Counts
    means: dict[str, float]
    recorded: Json = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """The 64 hexadecimal digits that name this cell."""
        return identity_key(self.identity)
