"""From attacks on a block of images to what is stored per image."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn

from robustsweep.attacks import AttackOutcome, AttackSpec, gradient_key, run_attacks
from robustsweep.benchmark.conditions import Attacked, Condition
from robustsweep.benchmark.scoring import score, to_unit_range
from robustsweep.results.cells import Examples

# Attacks hold their images as float32; they take a block in pieces of this size.
_PIECE_BYTES = 256_000_000


def joined(conditions: Sequence[Condition]) -> list[tuple[Condition, ...]]:
    """Put single-step attacks that can share their gradients together, where the first of them stands."""
    groups: dict[object, list[Condition]] = {}
    for condition in conditions:
        key = gradient_key(condition.attack) if isinstance(condition, Attacked) else None
        groups.setdefault(condition if key is None else key, []).append(condition)
    return [tuple(group) for group in groups.values()]


def attack_images(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    ids: Tensor,
    attacks: Sequence[AttackSpec],
    *,
    seed: int,
    batch_size: int,
) -> list[tuple[Examples, tuple[str, ...]]]:
    """Attack images and score the answers to what the verdicts are about.

    Args:
        module: float32 images in [0, 1] to logits, in evaluation mode, on the images' device.
        images: uint8, shape (n, 3, H, W).
        labels: int64, shape (n,), on the same device.
        ids: int64, shape (n,), on the same device.
        attacks: One attack, or several that share their gradients.
        seed: The run's seed.
        batch_size: Images per forward pass.

    Returns:
        For each attack the examples with rung, restart and step, and its warnings, each once.
    """
    piece = max(batch_size, _PIECE_BYTES // (4 * images[0].numel()))
    pieces: list[list[Examples]] = [[] for _ in attacks]
    warnings: list[dict[str, None]] = [{} for _ in attacks]
    for start in range(0, len(images), piece):
        rows = slice(start, start + piece)
        outcomes = run_attacks(
            module,
            to_unit_range(images[rows], images.device),
            labels[rows],
            attacks,
            seed=seed,
            ids=ids[rows],
            batch_size=batch_size,
        )
        for examples, sentences, outcome in zip(pieces, warnings, outcomes, strict=True):
            examples.append(_examples(outcome, labels[rows].cpu()))
            sentences |= dict.fromkeys(outcome.warnings)
    return [
        (Examples.concatenate(examples), tuple(sentences)) for examples, sentences in zip(pieces, warnings, strict=True)
    ]


def _examples(outcome: AttackOutcome, labels: Tensor) -> Examples:
    verdicts = {"rung": outcome.rung, "restart": outcome.restart, "step": outcome.step}
    return replace(score(outcome.logits, labels), **{name: tensor.numpy() for name, tensor in verdicts.items()})
