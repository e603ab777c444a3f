"""Co-Mixup: groups of images are mixed together, each salient block used, but no image too often.

Source: Kim et al., "Co-Mixup: Saliency guided joint mixup with supermodular diversity" (ICLR 2021), and the authors'
code for constants. From m images m outputs are made; each block of a 4 by 4 grid of each output is one image's
block or the mean of two. A label costs what saliency it lacks, beta / 2 times the squared distance of the neighbours'
label vectors, and what it overlaps with other outputs where that is above a threshold; images are favoured by a draw
from a Dirichlet distribution. Four times, each output in turn is labelled anew given the others: the first time by
single images, then also by means of the (up to three) images that it is made of. Before the last time, one of two
outputs made of the same images pays for each image that it shares.
Differences from the authors' code: blocks are labelled by exact moves (see ``small_grids``), where theirs swaps pairs
of labels by graph cuts; two means of images cost their squared distance, where theirs costs 1; the threshold applies to
the overlap of the image that pays; all four rounds are made; overlap between different images (omega) counts the
distance of their block saliencies, summed over blocks; the gradient is of the recipe's loss; the clean batch is not
trained on beside the mixed one.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from robustsweep.augmentations.blocks import from_blocks, to_blocks
from robustsweep.augmentations.method import METHODS, Step, require
from robustsweep.augmentations.network_method import GuidedMethod, input_gradient, unit_sum
from robustsweep.augmentations.small_grids import N_BLOCKS, SIDE, Floats, cheapest_labels
from robustsweep.draws import Draws
from robustsweep.errors import MissingDependencyError, UsageError

Bools = NDArray[np.bool_]

GROUP = 20
_ROUNDS = 4
_PAIRS = ((0, 1), (0, 2), (1, 2))
_BONUS = 5e-4
_OMEGA = 1e-3
_NEVER = 1e6


@METHODS.register("comixup")
@dataclass(frozen=True)
class CoMixup(GuidedMethod):
    """Mixes groups of 20 images, the last one smaller where the batch is no multiple; sides are multiples of 4.

    Attributes:
        alpha: Positive: concentration of the Dirichlet distribution.
        smoothness: beta in the paper, at least 0; divided by the 16 blocks, like all costs but saliency.
        overlap: gamma, at least 0.
        threshold: Share of an output's blocks, at least 0, up to which overlap is free: tau.
        prior: eta, at least 0.
    """

    name = "comixup"
    alpha: float = 2.0
    smoothness: float = 0.32
    overlap: float = 1.0
    threshold: float = 0.83
    prior: float = 0.05

    def __post_init__(self) -> None:
        require(self.alpha > 0, self.name, "alpha", "positive", self.alpha)
        for field in ("smoothness", "overlap", "threshold", "prior"):
            require(getattr(self, field) >= 0, self.name, field, "at least 0", getattr(self, field))

    def sample(self, draws: Draws) -> Tensor:
        """Draw a Gamma(alpha) number, and 16 uniform numbers for an output's first labels: shape (N, 17)."""
        return torch.cat([_gamma(draws.uniform(1), self.alpha), draws.uniform(N_BLOCKS)], dim=1)

    def shares(self, saliency: Floats, favour: Floats, first: Floats) -> Floats:
        """Decide what each block of each output is made of.

        Args:
            saliency: Of each image's blocks, of sum 1, shape (N, 16).
            favour: Gamma draws of the images, shape (N,).
            first: Uniform numbers for each output's first labels, shape (N, 16).

        Returns:
            float64, shape (G, M, 16, M): share of each image of a group in each block of each of its outputs; M is
            the size of a group, and entries of outputs and images that the last group lacks are 0.
        """
        n = len(saliency)
        size = min(GROUP, n)
        n_groups = -(-n // size)
        saliency, favour, first = (_grouped(each, n_groups, size) for each in (saliency, favour, first))
        exists: Bools = np.arange(n_groups * size).reshape(n_groups, size) < n
        chance = favour / favour.sum(1, keepdims=True)
        cost = -saliency - self.prior / N_BLOCKS * np.log(chance + 1e-8)[:, :, None]
        cost = np.where(exists[:, :, None], cost, _NEVER).transpose(0, 2, 1)
        labels = (first * exists.sum(1)[:, None, None]).astype(np.int64)
        shares: Floats = np.eye(size)[labels] * exists[:, :, None, None]
        together, extra = _together(saliency, exists), np.zeros((n_groups, size, size))
        for number in range(_ROUNDS):
            for output in range(size):
                counts = shares.sum((1, 2)) - shares[:, output].sum(1)
                overlap = (together @ counts[:, :, None])[:, :, 0]
                overlap = np.where(overlap > self.threshold * N_BLOCKS, 2 * overlap, 0)
                paid = self.overlap / N_BLOCKS * (overlap + extra[:, output])
                vectors = _vectors(shares[:, output].sum(1), means=number > 0)
                relabelled = self._labelled(cost + paid[:, None, :], vectors, shares[:, output])
                shares[:, output] = relabelled * exists[:, output, None, None]
            if number == _ROUNDS - 2:
                extra = _paying_for_twins(shares.sum(2) > 0, exists)
        return shares

    def _labelled(self, cost: Floats, vectors: Floats, before: Floats) -> Floats:
        """Label one output of each group.

        Args:
            cost: Of each block's images, shape (G, 16, M).
            vectors: What each label is made of, shape (G, L, M); zero for a label that is not to be used.
            before: What the blocks are made of so far, shape (G, 16, M).

        Returns:
            The vectors of the blocks' labels, shape (G, 16, M).
        """
        exists = vectors.sum(2) > 0
        unary = np.where(exists[:, None], cost @ vectors.transpose(0, 2, 1), _NEVER)
        unary[:, :, cost.shape[2] :] -= _BONUS
        square = ((vectors[:, :, None] - vectors[:, None]) ** 2).sum(3)
        # Of label vectors, the nearest has the largest product less half its own square.
        nearness = before @ vectors.transpose(0, 2, 1) - (vectors**2).sum(2)[:, None] / 2
        labels = cheapest_labels(unary, self.smoothness / N_BLOCKS / 2 * square, nearness.argmax(2))
        return np.take_along_axis(vectors, labels[:, :, None], 1)

    def augment(self, step: Step) -> tuple[Tensor, Tensor]:
        """Mix one batch; see ``GuidedMethod.augment``.

        Raises:
            UsageError: If a side of the images is no multiple of 4.
        """
        n, _, height, width = step.images.shape
        if height % SIDE or width % SIDE:
            raise UsageError(f"comixup needs images whose sides are multiples of 4, got {height} x {width}.")
        block = height // SIDE, width // SIDE
        saliency = input_gradient(step).square().mean(1).sqrt()
        blocks = unit_sum(F.avg_pool2d(saliency[:, None], block)[:, 0]).flatten(1)
        drawn = step.sample.cpu().double().numpy()
        shares = self.shares(blocks.cpu().double().numpy(), drawn[:, 0], drawn[:, 1:])
        weights = torch.from_numpy(shares).to(step.images.device, step.images.dtype)
        patches = to_blocks(step.images, SIDE)
        mixed, targets = [], []
        for start, weight in zip(range(0, n, len(weights[0])), weights, strict=True):
            rows = slice(start, start + len(weights[0]))
            size = len(patches[rows])
            weight = weight[:size, :, :size]
            mixed.append(torch.einsum("obi,ibchw->obchw", weight, patches[rows]))
            targets.append(weight.mean(1).to(step.targets.dtype) @ step.targets[rows])
        return from_blocks(torch.cat(mixed), SIDE), torch.cat(targets)


def _gamma(uniform: Tensor, alpha: float) -> Tensor:
    """Turn uniform numbers into draws from Gamma(alpha, 1), whose shares of their sum are Dirichlet(alpha)."""
    try:
        from scipy.special import gammaincinv
    except ImportError as error:
        raise MissingDependencyError("Drawing from a Dirichlet distribution needs scipy; install it.") from error
    return torch.from_numpy(gammaincinv(alpha, uniform.cpu().numpy())).to(uniform.device)


def _grouped(values: Floats, n_groups: int, size: int) -> Floats:
    """Cut the first axis into groups; what the last one lacks is filled with zeros."""
    missing = n_groups * size - len(values)
    filled = np.concatenate([values, np.zeros((missing, *values.shape[1:]))])
    return filled.reshape(n_groups, size, *values.shape[1:])


def _together(saliency: Floats, exists: Bools) -> Floats:
    """Return how much using one image counts as using another: shape (G, M, M)."""
    size = saliency.shape[1]
    distance = np.abs(saliency[:, :, None] - saliency[:, None]).sum(3)
    distance = distance * (exists[:, :, None] & exists[:, None])
    total = distance.sum((1, 2), keepdims=True)
    normalised = distance * exists.sum(1)[:, None, None] / np.where(total > 0, total, 1)
    return np.asarray((1 - _OMEGA) * np.eye(size) + _OMEGA * normalised)


def _vectors(counts: Floats, *, means: bool) -> Floats:
    """List labels as vectors of shares: each image, then means of two of the three images that an output has most of.

    Args:
        counts: Blocks of each image in the output, shape (G, M).
        means: Whether there are labels beyond single images.

    Returns:
        Shape (G, M, M) or (G, M + 3, M); zero where an output is made of fewer than three images.
    """
    n_groups, size = counts.shape
    single = np.broadcast_to(np.eye(size), (n_groups, size, size))
    if not means or size < 2:
        return single
    most = np.argsort(-counts, axis=1, kind="stable")[:, :3]
    is_used = np.take_along_axis(counts, most, 1) > 0
    halves = np.zeros((n_groups, len(_PAIRS), size))
    for number, (one, two) in enumerate(pair for pair in _PAIRS if pair[1] < size):
        is_pair = 0.5 * (is_used[:, one] & is_used[:, two])
        halves[np.arange(n_groups), number, most[:, one]] = is_pair
        halves[np.arange(n_groups), number, most[:, two]] = is_pair
    return np.concatenate([single, halves], axis=1)


def _paying_for_twins(made_of: Bools, exists: Bools) -> Floats:
    """Charge outputs made of the same two or more images: the earlier one for the first of them, the later the second.

    Args:
        made_of: Whether an output has an image, shape (G, M, M).
        exists: Shape (G, M).

    Returns:
        1 or 0 for each output and image, shape (G, M, M).
    """
    is_twin = (made_of[:, :, None] == made_of[:, None]).all(3) & exists[:, :, None] & exists[:, None]
    is_twin &= (made_of.sum(2) > 1)[:, :, None]
    has_later, has_earlier = np.triu(is_twin, 1).any(2), np.tril(is_twin, -1).any(2)
    rank = np.cumsum(made_of, axis=2) * made_of
    charged = (rank == 1) & has_later[:, :, None] | (rank == 2) & has_earlier[:, :, None]
    return np.asarray(charged, dtype=np.float64)
