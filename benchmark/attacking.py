"""From an attack on a block of images to what is stored per image."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from robustsweep.attacks import AttackOutcome, AttackSpec, run_attack
from robustsweep.attacks.audits.answers import answers_otherwise_under_a_gradient, changed
from robustsweep.benchmark.scoring import score, to_unit_range
from robustsweep.results.cells import Examples

# Attacks hold their images as float32; they take a block in pieces of this size.
_PIECE_BYTES = 256_000_000
# Images that are shown again to check the answers.
_N_REPEATED = 64


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
    shown = to_unit_range(images[: min(batch_size, _N_REPEATED)], images.device)
    warnings |= dict.fromkeys(answers_otherwise_under_a_gradient(module, shown))
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
            keep_images=True,
        )
        verdicts = {"rung": outcome.rung, "restart": outcome.restart, "step": outcome.step}
        answers = score(outcome.logits, labels[rows].cpu())
        pieces.append(replace(answers, **{name: tensor.numpy() for name, tensor in verdicts.items()}))
        warnings |= dict.fromkeys((*outcome.warnings, *_not_repeated(module, outcome, min(batch_size, _N_REPEATED))))
    return Examples.concatenate(pieces), tuple(warnings)


def _not_repeated(module: nn.Module, outcome: AttackOutcome, n: int) -> tuple[str, ...]:
    """Show the model the first images that verdicts are about once more, and say so where it answers otherwise."""
    assert outcome.images is not None  # asked for
    with torch.no_grad():
        again = module(outcome.images[:n]).float().cpu()
    n_changed = changed(outcome.logits[:n], again)
    if not n_changed:
        return ()
    return (
        f"{n_changed} of {len(again)} attacked images got another answer than the attack's verdict when they were "
        "shown again: the model is random or depends on the batch, and this robust accuracy does not repeat.",
    )
