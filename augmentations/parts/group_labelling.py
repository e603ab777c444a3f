"""Co-Mixup's labelling: what each block of each output of a group is made of, at a low cost of the whole group.

See ``comixup`` for the costs, the rounds and their source.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustsweep.augmentations.parts.small_grids import N_BLOCKS, Floats, cheapest_labels

Bools = NDArray[np.bool_]

GROUP = 20
_ROUNDS = 4
_PAIRS = ((0, 1), (0, 2), (1, 2))
_BONUS = 5e-4
_OMEGA = 1e-3
_NEVER = 1e6


@dataclass(frozen=True, slots=True)
class GroupLabelling:
    """Labels groups of 20 images, the last one smaller if their number is not a multiple.

    Attributes:
        smoothness: Price of neighbours whose labels differ, beta; see ``CoMixup``, as for all.
        overlap: Price of using an image much, gamma.
        threshold: Share of an output's blocks up to which that is free, tau.
        prior: Weight of the images' draws, eta.
    """

    smoothness: float
    overlap: float
    threshold: float
    prior: float

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
        Shape (G, M, M) or (G, M + 3, M); zero if an output is made of fewer than three images.
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
