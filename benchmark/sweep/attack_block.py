"""From attacks on a block of images to what is stored per image."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from robustsweep.attacks import AttackOutcome, AttackSpec, Foreign, gradient_key, run_attacks, run_foreign
from robustsweep.attacks.adapters.foreign import BATCH_SIZE
from robustsweep.attacks.audits.answers import changed
from robustsweep.benchmark.plan.conditions import Attacked, Condition
from robustsweep.benchmark.sweep.evaluation import score, to_unit_range
from robustsweep.errors import UsageError
from robustsweep.results.stored.cells import Array, Examples

# Attacks hold their images as float32; they take a block in pieces of this size.
_PIECE_BYTES = 256_000_000
# Images that are shown again to check the answers.
_N_REPEATED = 64


def joined(conditions: Sequence[Condition]) -> list[tuple[Condition, ...]]:
    """Put single-step attacks that can share their gradients together, where the first of them stands."""
    groups: dict[object, list[Condition]] = {}
    for condition in conditions:
        attack = condition.attack if isinstance(condition, Attacked) else None
        key = gradient_key(attack) if isinstance(attack, AttackSpec) else None
        groups.setdefault(condition if key is None else key, []).append(condition)
    return [tuple(group) for group in groups.values()]


def attack_images(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    ids: Tensor,
    attacks: Sequence[AttackSpec | Foreign],
    *,
    seed: int,
    batch_size: int,
) -> list[tuple[Examples, tuple[str, ...]]]:
    """Attack images and score the outputs for what the verdicts are about.

    Args:
        module: float32 images in [0, 1] to logits, in evaluation mode, on the images' device.
        images: uint8, shape (n, 3, H, W).
        labels: int64, shape (n,), on the same device.
        ids: int64, shape (n,), on the same device.
        attacks: One attack, or several that share their gradients.
        seed: The run's seed.
        batch_size: Images per forward pass.

    Returns:
        For each attack the examples with eps level, restart and step, and the distances if the attack has no budget;
        and its warnings, each once.

    Raises:
        UsageError: If several attacks are given that cannot share their gradients.
    """
    piece = max(batch_size, _PIECE_BYTES // (4 * images[0].numel()))
    if any(isinstance(attack, Foreign) for attack in attacks):
        # A piece must not cut a batch in two: what is in it decides what such an attack does.
        piece = max(1, piece // BATCH_SIZE) * BATCH_SIZE
    pieces: list[list[Examples]] = [[] for _ in attacks]
    n_repeated = min(batch_size, _N_REPEATED)
    warnings: list[dict[str, None]] = [{} for _ in attacks]
    for start in range(0, len(images), piece):
        rows = slice(start, start + piece)
        pixels = to_unit_range(images[rows], images.device)
        outcomes = _outcomes(module, pixels, labels[rows], ids[rows], attacks, seed, batch_size, n_repeated)
        for examples, sentences, outcome in zip(pieces, warnings, outcomes, strict=True):
            examples.append(replace(score(outcome.logits, labels[rows].cpu()), **_verdicts(outcome)))
            sentences |= dict.fromkeys((*outcome.warnings, *_not_repeated(module, outcome)))
    return [
        (Examples.concatenate(examples), tuple(sentences)) for examples, sentences in zip(pieces, warnings, strict=True)
    ]


def _outcomes(
    module: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    ids: Tensor,
    attacks: Sequence[AttackSpec | Foreign],
    seed: int,
    batch_size: int,
    n_kept: int,
) -> Sequence[AttackOutcome]:
    own = [attack for attack in attacks if isinstance(attack, AttackSpec)]
    if len(own) == len(attacks):
        return run_attacks(module, pixels, labels, own, seed=seed, ids=ids, batch_size=batch_size, keep_first=n_kept)
    if len(attacks) > 1:
        raise UsageError("Attacks of other libraries share no gradients; run each by itself.")
    return [
        run_foreign(module, pixels, labels, attack, seed=seed, ids=ids, keep_first=n_kept)
        for attack in attacks
        if isinstance(attack, Foreign)
    ]


def _verdicts(outcome: AttackOutcome) -> dict[str, Array]:
    names = {"rung": "eps_level"} | {name: name for name in ("restart", "step", "l2", "linf", "passes")}  # as stored
    found = {stored: getattr(outcome, name) for stored, name in names.items()}
    return {stored: values.numpy() for stored, values in found.items() if values is not None}


def _not_repeated(module: nn.Module, outcome: AttackOutcome) -> tuple[str, ...]:
    """Show the model the images that are kept once more, and say so if it predicts otherwise than in the verdict."""
    assert outcome.images is not None  # asked for
    with torch.no_grad():
        again = module(outcome.images).float().cpu()
    n_changed = changed(outcome.logits[: len(again)], again)
    if not n_changed:
        return ()
    return (
        f"{n_changed} of {len(again)} attacked images got another prediction than in the verdict when they were "
        "shown again: the model is random or depends on the batch, and this robust accuracy does not repeat.",
    )
