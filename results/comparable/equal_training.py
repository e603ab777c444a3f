"""Equal training: checkpoints that were trained alike in everything but the method and the seed.

Only checkpoints trained alike show what a method does. Those whose cards state a training therefore share a table
only if architecture, data, recipe, epochs, batch size, optimiser, precision, the epoch kept and the share held out
agree; checkpoints that state none, such as published ones, stand together, apart from these.
"""

import json
from collections.abc import Iterable

from robustsweep.results.stored.cells import Json, canonical_json

_FIELDS = {
    "architecture": "architecture",
    "data": "training data",
    "data_fingerprint": "training images",
    "classes": "classes",
    "recipe_hash": "recipe",
    "epochs": "epochs",
    "batch_size": "batch size",
    "optimiser": "optimiser",
    "precision": "precision",
    "epoch_kept": "epoch kept",
    "held_out": "share held out",
}
_HASH_DIGITS = 6


def facts_of(card: str) -> Json:
    """Read what must agree between checkpoints, by the names that people read; None if the card does not say.

    Args:
        card: The card's JSON.
    """
    values: Json = json.loads(card)
    facts = values.get("training")
    values["precision"] = facts.get("precision") if isinstance(facts, dict) else None
    values["held_out"] = values.get("held_out") or 0.0
    recipe = [values.get("recipe"), _short(values.get("recipe_hash"))]
    values["recipe_hash"] = " ".join(str(part) for part in recipe if part) or None
    values["data_fingerprint"] = _short(values.get("data_fingerprint"))
    return {title: values.get(name) for name, title in _FIELDS.items()}


def _short(digest: object) -> str | None:
    return str(digest)[:_HASH_DIGITS] if digest else None


def states_training(card: str) -> bool:
    """Whether a card states how its checkpoint was trained: it has a recipe's hash."""
    return bool(json.loads(card).get("recipe_hash"))


def training_of(card: str) -> Json | None:
    """Read how a checkpoint was trained, as ``facts_of``; None if the card states no recipe."""
    return facts_of(card) if states_training(card) else None


def training_key(card: str) -> str:
    """Return a text that two cards share if they were trained alike; empty if none is stated."""
    training = training_of(card)
    return "" if training is None else canonical_json(training)


def differing_fields(trainings: Iterable[Json]) -> list[str]:
    """Name the fields in which some of the training runs differ."""
    trainings = list(trainings)
    return [title for title in _FIELDS.values() if len({json.dumps(one[title]) for one in trainings}) > 1]


def described(key: str, keys: Iterable[str]) -> str:
    """Say what sets the training of one key apart from those of ``keys``: ``"trained: epochs 12"``."""
    if not key:
        return "training not stated"
    names = differing_fields(json.loads(one) for one in keys if one)
    training = json.loads(key)
    return f"trained: {', '.join(f'{name} {training[name]}' for name in names)}" if names else "trained alike"
