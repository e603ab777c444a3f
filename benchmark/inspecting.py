"""A look at a checkpoint before its first cell: warnings that belong beside all its numbers."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from robustsweep.attacks.audits.answers import answer_findings
from robustsweep.attacks.target import check_eval_mode
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.benchmark.input_statistics import Misfit, input_misfit
from robustsweep.benchmark.scoring import to_unit_range

_N_IMAGES = 64


def spread(images: Tensor) -> Tensor:
    """Take up to 64 of the uint8 images (n, 3, H, W), evenly spread: float32 in [0, 1], on their device."""
    rows = torch.linspace(0, len(images) - 1, min(_N_IMAGES, len(images))).round().long()
    return to_unit_range(images[rows.to(images.device)], images.device)


def inspect(module: nn.Module, images: Tensor, *, are_clean: bool) -> tuple[str, ...]:
    """Look at a checkpoint's answers and at the inputs of its first batch normalisation.

    Args:
        module: float32 images (n, 3, H, W) in [0, 1] to logits, in evaluation mode.
        images: On the module's device.
        are_clean: Whether they are clean; corrupted ones say nothing about the normalisation.

    Returns:
        Warnings, one sentence each.

    Raises:
        UsageError: If a layer is in training mode.
    """
    check_eval_mode(module)
    normalisation = _normalisation_findings(module, images) if are_clean else ()
    return (*answer_findings(module, images), *normalisation)


def _normalisation_findings(module: nn.Module, images: Tensor) -> Iterator[str]:
    if not isinstance(module, Normalised):
        return
    images = module.resized(images)
    applied = module.normalised(images)
    others = {name: normalisation.applied_to(images) for name, normalisation in NORMALISATIONS.items()}
    alternatives = {name: other for name, other in others.items() if not torch.allclose(other, applied)}
    misfit = input_misfit(module.network, applied, alternatives)
    if misfit is not None and misfit.is_explained:
        yield _explanation(misfit, is_raw=torch.equal(applied, images))


def _explanation(misfit: Misfit, *, is_raw: bool) -> str:
    if misfit.best == "none":
        likely = (
            "images fit as they are, so they are probably normalised twice: the network does it itself. "
            "Check norm=; none is likely right"
        )
    elif is_raw:
        likely = (
            f"they fit after the normalisation {misfit.best!r}, so the images are probably not normalised at all. "
            f"Check norm=; {misfit.best} or similar constants are likely right"
        )
    else:
        likely = (
            f"they fit after the normalisation {misfit.best!r}, so the constants are probably wrong. "
            f"Check norm=; {misfit.best} or similar ones are likely right"
        )
    return (
        f"the inputs of {misfit.layer}, the first batch normalisation, do not fit its running statistics "
        f"({misfit.applied:.2f} nats apart, {misfit.best_divergence:.2f} at best): {likely}."
    )
