"""Square Attack in Linf: random search that asks the model for logits alone, never for a gradient.

Source: Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a query-efficient black-box adversarial attack via
random search" (ECCV 2020), algorithms 1 and 2. The share of pixels in a window starts at 0.8 and is halved at the
queries of the authors' schedule, rescaled from 10 000 to the number of queries, as in autoattack at a392200.

Differences from autoattack: each image has its own windows, as in the paper, there all images of a batch share them; a
window may touch the lower and right edges, there the last place is never drawn; the stripes count as the first query;
the window fits images that are not square.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

import torch
from torch import Tensor, nn

from robustsweep.attacks.eps import exact_eps
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.norms import per_image
from robustsweep.attacks.outcome import AttackOutcome
from robustsweep.attacks.target import (
    Target,
    check_attackable,
    check_labels,
    device_of,
    evaluation_context,
    ids_or_positions,
)
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError
from robustsweep.values import whole_number

_FIRST_SHARE = 0.8
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_HALVINGS_OF = 10_000
_MOST_QUERIES = 32_767  # what the outcome's steps, int16, can count
# Numbers are drawn for this many queries at once; other values give other numbers.
_BLOCK = 64


def square(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    eps: Fraction | float | str,
    queries: int = 5000,
    seed: int = 0,
    ids: Tensor | None = None,
    batch_size: int = 128,
    keep_images: bool = False,
) -> AttackOutcome:
    """Attack every image that the model gets right until it is fooled or has used its queries.

    Args:
        model: On images in [0, 1], in eval mode, on the device to use; left as it is. It needs no gradient.
        images: float32 (N, C, H, W), in [0, 1].
        labels: int64 (N,).
        eps: Linf budget in units of the pixel range.
        queries: Forward passes per image, at most 32 767; the clean image's is not counted.
        seed: Of the stripes and windows.
        ids: int64 (N,), what the draws belong to; the positions 0..N-1 if None.
        batch_size: Images per forward pass.
        keep_images: Whether the outcome holds the images.

    Returns:
        The outcome of one eps and one start: ``step`` is the query that fooled the image, 1 being the stripes. The
        logits and images of a survivor are those of the largest margin loss found.

    Raises:
        DataError: If images, labels or ids are not as described.
        UsageError: If the model is in training mode or does not return logits, or a number is out of its range.
        AttackError: If the model returns anything that is not finite.
    """
    ids, budget = ids_or_positions(images, ids), exact_eps(eps)
    queries, batch_size = whole_number(queries, "queries"), whole_number(batch_size, "batch_size")
    seed = whole_number(seed, "seed")
    _check_settings(images, budget, queries, batch_size)
    check_attackable(model, images, labels, ids)
    target = Target(model, model, LOSSES["margin"], f"square{queries}-linf@{budget}")
    device = device_of(model, images.device)
    with evaluation_context():
        clean = images.to(device).clamp(0.0, 1.0)
        search = _Search(target, clean, labels.to(device), ids.to(device), budget, queries, seed, batch_size)
        search.run()
        return search.outcome(images.device if keep_images else None)


def window_side(query: int, queries: int, height: int, width: int) -> int:
    """Compute the side, in pixels, of the window that query number ``query``, from 2, repaints."""
    done = (query - 2) * _HALVINGS_OF // queries
    share = _FIRST_SHARE / 2 ** sum(done > halving for halving in _HALVINGS)
    return min(max(round(math.sqrt(share * height * width)), 1), height, width)


@dataclass(slots=True)
class _Search:
    """The state of the search for all images; ``active`` are the positions, int64, of those not fooled yet."""

    target: Target
    clean: Tensor
    labels: Tensor
    ids: Tensor
    eps: Fraction
    queries: int
    seed: int
    batch_size: int
    active: Tensor = field(init=False)
    best: Tensor = field(init=False)
    best_loss: Tensor = field(init=False)
    logits: Tensor = field(init=False)
    eps_level: Tensor = field(init=False)
    step: Tensor = field(init=False)

    def run(self) -> None:
        """Judge the clean images, then spend the queries on those the model gets right."""
        everyone = torch.arange(len(self.clean), device=self.clean.device)
        self.best = self.clean.clone()
        self.logits = torch.cat(
            [self.target.verdict(self.best[rows]) for rows in torch.split(everyone, self.batch_size)]
        )
        check_labels(self.labels, self.logits)
        right = self.logits.argmax(1) == self.labels
        self.active = everyone[right]
        self.eps_level = right.to(torch.int8) * 2 - 1
        self.step = torch.full_like(self.labels, -1)
        # The first query's image replaces the clean one even where it is worse.
        self.best_loss = torch.full_like(self.logits[:, 0], -torch.inf)
        if len(self.active):
            self._query(1, self._stripes())
        for first in range(2, self.queries + 1, _BLOCK):
            self._block(first)

    def outcome(self, images_device: torch.device | None) -> AttackOutcome:
        """Report on every image; with the images if there is a device to put them on."""
        step = self.step.to("cpu", torch.int16)
        images = None if images_device is None else self.best.to(images_device)
        restart = torch.where(step > 0, 0, -1).to(torch.int16)
        return AttackOutcome(self.eps_level.cpu(), restart, step, self.logits.cpu(), images)

    def _draws(self, part: str) -> Draws:
        return Draws(self.seed, f"attack/square-linf@{self.eps}/{part}", self.ids[self.active])

    def _stripes(self) -> Tensor:
        """Paint each column of each channel up or down, (n, C, H, W)."""
        _, channels, _, width = self.clean.shape
        return self._painted(self.active, self._draws("stripes").integers(0, 2, channels, 1, width))

    def _painted(self, rows: Tensor, up: Tensor) -> Tensor:
        """Move the clean pixels of ``rows`` by eps, up if ``up`` is 1 and down if it is 0, within the box."""
        clean = self.clean[rows]
        return (clean + float(self.eps) * (2 * up - 1).to(clean.dtype)).clamp(0.0, 1.0)

    def _block(self, first: int) -> None:
        """Make the queries from ``first`` on whose numbers are drawn together."""
        draws = self._draws(f"windows from {first}")
        place, up = draws.uniform(_BLOCK, 2), draws.integers(0, 2, _BLOCK, self.clean.shape[1], 1, 1)
        for number in range(min(_BLOCK, self.queries + 1 - first)):
            if not len(self.active):
                return
            side = window_side(first + number, self.queries, *self.clean.shape[2:])
            window = self._window(place[:, number], side)
            candidates = torch.where(window, self._painted(self.active, up[:, number]), self.best[self.active])
            standing = self._query(first + number, candidates)
            place, up = place[standing], up[standing]

    def _window(self, place: Tensor, side: int) -> Tensor:
        """Cover a square of ``side`` pixels of each image, at ``place`` in [0, 1) of its range, bool (n, 1, H, W)."""
        inside = []
        for axis, length in enumerate(self.clean.shape[2:]):
            first = (place[:, axis] * (length - side + 1)).long().unsqueeze(1)
            pixel = torch.arange(length, device=place.device)
            inside.append((pixel >= first) & (pixel < first + side))
        return (inside[0].unsqueeze(2) & inside[1].unsqueeze(1)).unsqueeze(1)

    def _query(self, query: int, candidates: Tensor) -> Tensor:
        """Ask about candidates for the active images, keep the better ones; return the ones not fooled, bool (n,)."""
        standing = []
        for part in torch.split(torch.arange(len(self.active), device=candidates.device), self.batch_size):
            rows, images = self.active[part], candidates[part]
            logits = self.target.verdict(images)
            loss = self.target.loss(logits, self.labels[rows])
            fooled = logits.argmax(1) != self.labels[rows]
            better = fooled | (loss > self.best_loss[rows])
            self.best[rows] = torch.where(per_image(better, images), images, self.best[rows])
            self.best_loss[rows] = torch.where(better, loss, self.best_loss[rows])
            self.logits[rows] = torch.where(better.unsqueeze(1), logits, self.logits[rows])
            self.step[rows[fooled]] = query
            self.eps_level[rows[fooled]] = 0
            standing.append(~fooled)
        still = torch.cat(standing)
        self.active = self.active[still]
        return still


def _check_settings(images: Tensor, eps: Fraction, queries: int, batch_size: int) -> None:
    if images.dim() != 4:
        raise DataError(f"Square Attack needs images of shape (N, C, H, W), got {tuple(images.shape)}.")
    if not 0 < eps <= 1:
        raise UsageError(f"Square Attack needs eps above 0 and at most 1, the pixel range, got {eps}; write '8/255'.")
    if not 1 <= queries <= _MOST_QUERIES:
        raise UsageError(f"Square Attack needs 1 to {_MOST_QUERIES} queries, got {queries}.")
    if batch_size < 1:
        raise UsageError(f"Batch size must be 1 or more, got {batch_size}.")
