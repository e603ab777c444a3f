"""Faults that outputs alone show: randomness, probabilities for logits, other outputs under a gradient.

Source: for randomness and probabilities the flags of AutoAttack (Croce and Hein, ICML 2020; fra31/auto-attack, file
flags_doc.md). Difference: randomness is measured on logits relative to their largest magnitude, and on a shuffled and
split batch as well, so that a model whose output depends on its neighbours is found too.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_PROBABILITY_TOLERANCE = 1e-5
_REPEAT_TOLERANCE = 1e-4


def answer_findings(model: nn.Module, images: Tensor) -> Iterator[str]:
    """Show the same images again in several ways, and look at the outputs.

    Args:
        model: Maps float32 (n, ...) to logits (n, K); in evaluation mode, on the images' device.
        images: float32 (n, ...), in [0, 1], all in one batch.

    Yields:
        One sentence per thing found; none if an output is not finite, which is an error elsewhere.
    """
    with torch.no_grad():
        first = model(images).float()
    if not first.isfinite().all():
        return
    if looks_like_probabilities(first):
        yield (
            "the output looks like probabilities, not logits: it lies in [0, 1] and its rows sum to 1. A softmax "
            "inside the model flattens the gradients of attacks and the likelihoods; remove it."
        )
    with torch.no_grad():
        n_changed = changed(first, model(images).float())
        n_rebatched = changed(first, _shuffled_halves(model, images))
    n = len(images)
    if n_changed:
        yield (
            f"{n_changed} of {n} images got another output when they were shown twice: the model is random at "
            "inference. No number here repeats, and attacks need the expectation over transformations (EOT); "
            "fix the randomness or average over it."
        )
    elif n_rebatched:
        yield (
            f"{n_rebatched} of {n} images got another output in a shuffled and split batch: the output depends on what "
            "else is in the batch. Look for layers that normalise over the batch at inference."
        )


def answers_otherwise_under_a_gradient(model: nn.Module, images: Tensor) -> tuple[str, ...]:
    """Compare the outputs for clean images with and without a recorded gradient: an attack with eps 0 is neither.

    Args:
        model: As in ``answer_findings``.
        images: float32 (n, ...), in [0, 1], all in one batch.

    Returns:
        One sentence, or none.
    """
    with torch.no_grad():
        first, again = model(images).float(), model(images).float()
    with torch.enable_grad():
        recorded = model(images.detach().requires_grad_()).detach().float()
    n_recorded = changed(first, recorded)
    if changed(first, again) or not n_recorded:  # a random model differs anyway
        return ()
    return (
        f"{n_recorded} of {len(images)} clean images got another output while gradients were recorded, so that an "
        "attack with eps 0 is not the clean accuracy; the model must not look at whether it is being differentiated.",
    )


def looks_like_probabilities(logits: Tensor) -> bool:
    """Say whether every row of ``logits``, (n, K), lies in [0, 1] and sums to 1, each to 1e-5."""
    low, high = (float(value) for value in torch.aminmax(logits))
    sums_to_one = bool(((logits.sum(1) - 1.0).abs() <= _PROBABILITY_TOLERANCE).all())
    return high < 1.0 + _PROBABILITY_TOLERANCE and low > -_PROBABILITY_TOLERANCE and sums_to_one


def changed(logits: Tensor, again: Tensor) -> int:
    """Count the images of which two outputs, (n, K) each, differ by more than rounding.

    Rounding is up to 1e-4 of the largest magnitude in ``logits``; within it another class may win.
    """
    scale = float(logits.abs().amax())
    return int(((logits - again).abs().amax(1) > _REPEAT_TOLERANCE * scale).sum())


def _shuffled_halves(model: nn.Module, images: Tensor) -> Tensor:
    """Evaluate the images in two batches of mixed order, and put the outputs back in the first order."""
    n = len(images)
    order = torch.cat((torch.arange(1, n, 2), torch.arange(0, n, 2))).to(images.device)
    answers = torch.cat([model(part).float() for part in torch.split(images[order], (n + 1) // 2)])
    return answers[order.argsort()]
