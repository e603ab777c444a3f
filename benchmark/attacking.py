"""From an attack on a block of images to what is stored per image."""

from dataclasses import replace

from torch import Tensor, nn

from robustsweep.attacks import AttackOutcome, AttackSpec, Foreign, run_attack, run_foreign
from robustsweep.attacks.adapters.foreign import BATCH_SIZE
from robustsweep.benchmark.scoring import score, to_unit_range
from robustsweep.results.cells import Array, Examples

# Attacks hold their images as float32; they take a block in pieces of this size.
_PIECE_BYTES = 256_000_000


def attack_images(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    ids: Tensor,
    attack: AttackSpec | Foreign,
    *,
    seed: int,
    batch_size: int,
) -> tuple[Examples, tuple[str, ...]]:
    """Attack images and score the answers to what the verdicts are about.

    Args:
        module: float32 images in [0, 1] to logits, in evaluation mode, on the images' device.
        images: uint8, shape (n, 3, H, W).
        labels: int64, shape (n,), on the same device.
        ids: int64, shape (n,), on the same device.
        attack: The attack.
        seed: The run's seed.
        batch_size: Images per forward pass.

    Returns:
        The examples with rung, restart and step, and the distances where the attack has no budget; and the attack's
        warnings, each once.
    """
    piece = max(batch_size, _PIECE_BYTES // (4 * images[0].numel()))
    if isinstance(attack, Foreign):
        # A piece must not cut a batch in two: what is in it decides what such an attack does.
        piece = max(1, piece // BATCH_SIZE) * BATCH_SIZE
    pieces: list[Examples] = []
    warnings: dict[str, None] = {}
    for start in range(0, len(images), piece):
        rows = slice(start, start + piece)
        pixels = to_unit_range(images[rows], images.device)
        if isinstance(attack, Foreign):
            outcome = run_foreign(module, pixels, labels[rows], attack, seed=seed, ids=ids[rows])
        else:
            outcome = run_attack(module, pixels, labels[rows], attack, seed=seed, ids=ids[rows], batch_size=batch_size)
        pieces.append(replace(score(outcome.logits, labels[rows].cpu()), **_verdicts(outcome)))
        warnings |= dict.fromkeys(outcome.warnings)
    return Examples.concatenate(pieces), tuple(warnings)


def _verdicts(outcome: AttackOutcome) -> dict[str, Array]:
    names = ("rung", "restart", "step", "l2", "linf")
    return {name: getattr(outcome, name).numpy() for name in names if getattr(outcome, name) is not None}
