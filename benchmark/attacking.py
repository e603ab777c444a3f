"""From an attack on a block of images to what is stored per image."""

from dataclasses import replace

from torch import Tensor, nn

from robustsweep.attacks import AttackSpec, run_attack
from robustsweep.benchmark.scoring import score, to_unit_range
from robustsweep.results.cells import Examples

# Attacks hold their images as float32; they take a block in pieces of this size.
_PIECE_BYTES = 256_000_000


def attack_images(
    module: nn.Module, images: Tensor, labels: Tensor, ids: Tensor, attack: AttackSpec, *, seed: int, batch_size: int
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
        The examples with rung, restart and step; and the attack's warnings, each once.
    """
    piece = max(batch_size, _PIECE_BYTES // (4 * images[0].numel()))
    pieces: list[Examples] = []
    warnings: dict[str, None] = {}
    for start in range(0, len(images), piece):
        rows = slice(start, start + piece)
        outcome = run_attack(
            module,
            to_unit_range(images[rows], images.device),
            labels[rows],
            attack,
            seed=seed,
            ids=ids[rows],
            batch_size=batch_size,
        )
        verdicts = {"rung": outcome.rung, "restart": outcome.restart, "step": outcome.step}
        answers = score(outcome.logits, labels[rows].cpu())
        pieces.append(replace(answers, **{name: tensor.numpy() for name, tensor in verdicts.items()}))
        warnings |= dict.fromkeys(outcome.warnings)
    return Examples.concatenate(pieces), tuple(warnings)
