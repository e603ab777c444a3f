"""Co-Mixup: groups of images are mixed together, each salient block used, but no image too often.

Source: Kim et al., "Co-Mixup: Saliency guided joint mixup with supermodular diversity" (ICLR 2021), and the authors'
code for constants. From m images m outputs are made; each block of a 4 by 4 grid of each output is one image's
block or the mean of two. A label costs what saliency it lacks, beta / 2 times the squared distance of the neighbours'
label vectors, and what it overlaps with other outputs if that is above a threshold; images are favoured by a draw
from a Dirichlet distribution. Four times, each output in turn is labelled anew given the others: the first time by
single images, then also by means of the (up to three) images that it is made of. Before the last time, one of two
outputs made of the same images pays for each image that it shares.
Differences from the authors' code: blocks are labelled by exact moves (see ``small_grids``), while theirs swaps pairs
of labels by graph cuts; the squared distance holds for all labels, while theirs charges beta for any two that differ
but a mean beside one of its own images, a quarter of beta there as here: a mean beside an image that it does not hold
costs three quarters of beta here, two different means a quarter; the threshold applies to the overlap of the image that
pays; all four rounds are made; overlap between different images (omega) counts the distance of their block saliencies,
summed over blocks, while theirs counts that of their most salient places; the loss is the recipe's, while theirs is the
binary cross-entropy of the softmax's output; the mixed batch alone trains, while their CIFAR-100 command (``clean_lam``
= 1) adds the loss of the clean batch, whose pass in training mode then gives the saliency.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.network_method import GuidedMethod, block_saliency, saliency_of
from robustsweep.augmentations.parts.blocks import from_blocks, to_blocks
from robustsweep.augmentations.parts.group_labelling import GroupLabelling
from robustsweep.augmentations.parts.small_grids import N_BLOCKS, SIDE, Floats
from robustsweep.bounds import NotNegative, Positive
from robustsweep.draws import Draws
from robustsweep.errors import MissingDependencyError, UsageError


@METHODS.register("comixup")
@dataclass(frozen=True)
class CoMixup(GuidedMethod):
    """Mixes groups of 20 images, the last one smaller if the batch is not a multiple; sides are multiples of 4.

    Attributes:
        alpha: Positive: concentration of the Dirichlet distribution.
        smoothness: beta in the paper, at least 0; divided by the 16 blocks, like all costs but saliency.
        overlap: gamma, at least 0.
        threshold: Share of an output's blocks, at least 0, up to which overlap is free: tau.
        prior: eta, at least 0.
    """

    name = "comixup"
    alpha: Positive = 2.0
    smoothness: NotNegative = 0.32
    overlap: NotNegative = 1.0
    threshold: NotNegative = 0.83
    prior: NotNegative = 0.05

    def sample(self, draws: Draws) -> Tensor:
        """Draw a Gamma(alpha) number, and 16 uniform numbers for an output's first labels: shape (N, 17)."""
        return torch.cat([_gamma(draws.uniform(1), self.alpha), draws.uniform(N_BLOCKS)], dim=1)

    def shares(self, saliency: Floats, favour: Floats, first: Floats) -> Floats:
        """Decide what each block of each output is made of; see ``GroupLabelling.shares``."""
        labelling = GroupLabelling(self.smoothness, self.overlap, self.threshold, self.prior)
        return labelling.shares(saliency, favour, first)

    def augment(self, step: Step) -> tuple[Tensor, Tensor]:
        """Mix one batch; see ``GuidedMethod.augment``.

        Raises:
            UsageError: If a side of the images is not a multiple of 4.
        """
        n, _, height, width = step.images.shape
        if height % SIDE or width % SIDE:
            raise UsageError(f"comixup needs images whose sides are multiples of 4, got {height} x {width}.")
        blocks = block_saliency(saliency_of(step), SIDE).flatten(1)
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
