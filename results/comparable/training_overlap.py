"""Overlap of training with tests: what checkpoints have seen of what they are tested on."""

import json
from collections.abc import Iterator, Mapping

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.stored.cells import Json

_TONES = ("brightness", "contrast", "saturate")


def overlapped_corruptions(unit: Unit) -> dict[str, tuple[str, ...] | None]:
    """Return the corruptions that the training of each checkpoint overlaps, by its id.

    Cards name them. Those of earlier versions say only whether there are any: then they are known as far as the
    method's name and parameters prove them (the operations on tones of AutoAugment and AugMix), and None if they do
    not. A card that says nothing counts as none.
    """
    return {str(i): _of_card(json.loads(card)) for i, card in unit.checkpoints["card"].items()}


def _of_card(card: Json) -> tuple[str, ...] | None:
    names = card.get("overlapped_corruptions")
    if names is not None:
        return tuple(dict.fromkeys(names))
    if card.get("overlaps_corruptions") is not True:
        return ()
    return _TONES if _changes_tones(card.get("method"), card.get("method_parameters") or {}) else None


def _changes_tones(method: object, parameters: Mapping[str, object]) -> bool:
    operations = parameters.get("operations")
    if method in ("choice", "randommix") and isinstance(operations, list):
        return any(isinstance(one, dict) and _changes_tones(one.get("method"), one) for one in operations)
    if method == "autoaugment":
        return parameters.get("corruption_safe") is not True
    return method == "augmix" and parameters.get("all_operations") is True


def overlap_notes(unit: Unit) -> Iterator[str]:
    """Name the checkpoints whose training overlaps corruptions, and these, if corruptions were measured.

    A method is named if all of its checkpoints do.
    """
    if not unit.rows["corruption"].notna().any():
        return
    found = overlapped_corruptions(unit)
    labels: dict[str, list[str]] = {}
    for method, same in unit.checkpoints.groupby("method", sort=True):
        said = [_said(found[str(identifier)]) for identifier in same.index]
        are_alike = len(set(said)) == 1
        for names, label in [(said[0], str(method))] if are_alike else zip(said, same["label"], strict=True):
            labels.setdefault(names, []).append(label)
    labels.pop("", None)
    if labels:
        who = "; ".join(f"{', '.join(mine)} ({names})" for names, mine in labels.items())
        yield f"Trained with operations that overlap corruptions, so that these were not unseen: {who}."


def _said(names: tuple[str, ...] | None) -> str:
    return "the card does not say which" if names is None else ", ".join(names)


def attack_overlap_notes(unit: Unit) -> Iterator[str]:
    """Name the methods that train on images changed along gradients, if attacks were measured."""
    cards = unit.checkpoints["card"].map(json.loads)
    methods = sorted({str(card["method"]) for card in cards if card.get("overlaps_attacks") is True})
    if methods and len(unit.attacks):
        yield f"Trained on images that were changed along gradients, as attacks do: {', '.join(methods)}."
