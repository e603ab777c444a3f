"""A look at a checkpoint before its first cell: warnings that belong beside all its numbers."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from robustsweep.attacks.audits.answers import answer_findings, answers_otherwise_under_a_gradient
from robustsweep.attacks.target import check_eval_mode
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.benchmark.plan.blocks import Block
from robustsweep.benchmark.plan.plan import Plan, PlannedCell
from robustsweep.benchmark.sweep.evaluation import to_unit_range
from robustsweep.benchmark.sweep.input_statistics import Misfit, input_misfit
from robustsweep.benchmark.sweep.progress import Progress

_N_IMAGES = 64


class Inspection:
    """Looks at each checkpoint of a sweep once; what it finds is told once and belongs to every cell.

    Args:
        plan: What is wanted; if that is official images alone, clean ones are not read to be looked at.
        progress: Receives what is found.
        batch_size: Images per pass that records gradients, 64 at most.
    """

    def __init__(self, plan: Plan, progress: Progress, batch_size: int) -> None:
        self._progress, self._batch_size = progress, batch_size
        self._shows_clean = not plan.source.is_official or any(c.kind != "corruption" for c in plan.conditions)
        self._found: dict[tuple[str, str], tuple[str, ...]] = {}  # by checkpoint id and kind of look

    def look(self, cell: PlannedCell, module: nn.Module, images: Tensor, block: Block) -> None:
        """Look at the checkpoint of a cell, unless that is done.

        Args:
            cell: The cell that comes next.
            module: Its checkpoint, on the device.
            images: uint8 (n, 3, H, W), what the cell shows.
            block: Where clean images are.

        Raises:
            UsageError: If a layer is in training mode.
        """
        for look in _looks(cell):
            if (cell.checkpoint.id, look) in self._found:
                continue
            shown = spread(block.clean if self._shows_clean else images)
            if look == "answers":
                found = inspect(module, shown, are_clean=self._shows_clean)
            else:
                found = _within_memory(partial(answers_otherwise_under_a_gradient, module), shown[: self._batch_size])
            self._note(cell, look, found)

    def _note(self, cell: PlannedCell, look: str, found: Iterable[str]) -> None:
        self._found[cell.checkpoint.id, look] = tuple(found)
        for sentence in found:
            self._progress.warn(f"{cell.checkpoint.name}: {sentence}")

    def findings(self, cell: PlannedCell) -> tuple[str, ...]:
        """Return the warnings that belong to a cell of a checkpoint."""
        return tuple(sentence for look in self.notes(cell).values() for sentence in look)

    def notes(self, cell: PlannedCell) -> dict[str, list[str]]:
        """Return what was found for a cell, by kind of look, for ``take``."""
        found = {look: self._found.get((cell.checkpoint.id, look)) for look in _looks(cell)}
        return {look: list(sentences) for look, sentences in found.items() if sentences is not None}

    def take(self, cell: PlannedCell, notes: dict[str, list[str]]) -> None:
        """Take over what an interrupted sweep found, so that all blocks of a cell say the same."""
        for look, found in notes.items():
            if (cell.checkpoint.id, look) not in self._found:
                self._note(cell, look, found)


def _looks(cell: PlannedCell) -> tuple[str, ...]:
    return ("answers", "gradient") if cell.condition.kind == "attack" else ("answers",)


def spread(images: Tensor) -> Tensor:
    """Take up to 64 of the uint8 images (n, 3, H, W), evenly spread: float32 in [0, 1], on their device."""
    rows = torch.linspace(0, len(images) - 1, min(_N_IMAGES, len(images))).round().long()
    return to_unit_range(images[rows.to(images.device)], images.device)


def inspect(module: nn.Module, images: Tensor, *, are_clean: bool) -> tuple[str, ...]:
    """Look at a checkpoint's outputs and at the inputs of its first batch normalisation.

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
    return (*_within_memory(lambda some: tuple(answer_findings(module, some)), images), *normalisation)


def _within_memory(look: Callable[[Tensor], tuple[str, ...]], images: Tensor) -> tuple[str, ...]:
    """Take a look at as many of the images as fit the memory."""
    while True:
        try:
            return look(images)
        except torch.OutOfMemoryError:
            if len(images) == 1:
                raise
        images = images[: len(images) // 2]


def _normalisation_findings(module: nn.Module, images: Tensor) -> Iterator[str]:
    if not isinstance(module, Normalised):
        return
    images = module.resized(images)
    applied = module.normalised(images)
    known = {name: Normalised(nn.Identity(), norm).to(images.device) for name, norm in NORMALISATIONS.items()}
    others = {name: normalise(images) for name, normalise in known.items()}
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
