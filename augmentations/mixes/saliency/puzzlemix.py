"""Puzzle Mix: a mask that keeps what is salient and smooth, and images whose salient blocks move under it.

Source: Kim, Choo and Song, "Puzzle Mix: Exploiting saliency and local statistics for optimal mixup" (ICML 2020), and
the authors' code for constants. Blocks of an n by n grid take 0, 1/2 or 1 of the image. A level z costs the saliency
that it throws away, z s_b + (1 - z) s_a; its distance from the neighbours' levels, squared; the step between what is
seen on either side of a block's edge; and a prior, -log Binomial(2, lambda) of the level, lambda the drawn weight of
the image.
Differences from the authors' code: n and lambda are drawn for each image, not for the batch; the cheapest mask is found
exactly (see ``graph_cut``), while theirs swaps pairs of levels; the plan of transport is a permutation (see
``transport``); transport happens on a grid of at least 8 by 8 if that divides the image, theirs on blocks of at most
4 pixels, the same at 32 pixels; pixels are taken to have deviation 0.25, that of photos, while theirs undoes the
normalisation; if steps would make neighbours seek contrast, which no cut can serve, their difference costs 0; steps
are those between strips of 2 pixels, while all their training commands take 4 (``neighbour_px``); the loss is the
recipe's, while theirs is the binary cross-entropy of the softmax's output, whose mean over K classes makes their weight
of the clean loss 2 / K in the CIFAR script; chances and amounts of adversarial noise (``adversarial_noise``) are drawn
for each image, theirs for a batch.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.mixes.mixing import mix, pair
from robustsweep.augmentations.mixes.saliency.adversarial_noise import NOISE_COLUMNS, AdversarialNoise
from robustsweep.augmentations.network_method import (
    GuidedMethod,
    block_saliency,
    finite_gradient,
    input_gradient,
    root_mean_square,
)
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.augmentations.parts.graph_cut import cheapest_levels
from robustsweep.augmentations.parts.transport import moved, transport_plan
from robustsweep.bounds import NotNegative, Positive, PositiveCount, Share
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

GRIDS = (2, 4, 8, 16)
_TRANSPORT_GRID = 8
_PIXEL_DEVIATION = 0.25
_LEAST_CHANCE = 1e-8


def edge_steps(above: Tensor, below: Tensor, n: int) -> Tensor:
    """Measure the step across each horizontal edge between blocks if one image lies above and another below it.

    Args:
        above: Shape (N, C, H, W).
        below: Of the same shape.
        n: Blocks of a side; divides H and W.

    Returns:
        Mean magnitude of the difference of the rows on either side of the edge: shape (N, n - 1, n).
    """
    per_block = above.shape[2] // n
    upper, lower = above[:, :, per_block - 1 : -1 : per_block], below[:, :, per_block::per_block]
    steps = (upper - lower).abs().mean(1)
    return steps.view(len(steps), n - 1, n, -1).mean(3)


@METHODS.register("puzzlemix")
@dataclass(frozen=True)
class PuzzleMix(GuidedMethod):
    """Mixes pairs by masks of three levels on a grid of 2, 4, 8 or 16 blocks a side, whichever divide the images'.

    Attributes:
        alpha: Positive; lambda is drawn from Beta(alpha, alpha).
        smoothness: Cost of neighbours whose levels differ by 1, beta in the paper, times 1 / (16 n); at least 0.
        step_weight: Cost of a step between black and white across an edge, gamma in the paper, in units of the
            smoothness; at least 0.
        prior: Weight of the prior, eta in the paper, at least 0.
        transport_price: Cost of moving a block by the grid's side, in units of the saliency of an image; at least 0.
        neighbour_px: Width of the strips between which steps are measured, at least 1; narrower if that does not
            divide the blocks. 4 in all of the authors' commands.
        clean_weight: Weight of the clean batch's loss, at least 0; 1 in the authors' commands for Tiny-ImageNet, 0 for
            CIFAR-100. Above 0 the saliency comes from that loss's own pass, in training mode.
        adversarial_probability: Chance that an image is given noise against the network if it is the image, and
            again if it is the partner, in [0, 1]; 0.1 in the authors' commands for CIFAR-100.
        adversarial_eps: Largest noise, of pixels in [0, 1]; at least 0.
    """

    name = "puzzlemix"
    alpha: Positive = 1.0
    smoothness: NotNegative = 1.2
    step_weight: NotNegative = 0.5
    prior: NotNegative = 0.2
    transport_price: NotNegative = 0.8
    neighbour_px: PositiveCount = 2
    clean_weight: NotNegative = 0.0
    adversarial_probability: Share = 0.0
    adversarial_eps: Share = 10 / 255

    @property
    def overlaps_attacks(self) -> bool:
        """Whether images are given noise against the network."""
        return self.adversarial_probability > 0

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pairing key, a uniform number for the grid, and lambda: shape (N, 3).

        With adversarial noise, its own numbers follow.
        """
        sample = torch.cat([draws.uniform(2), symmetric_beta(draws.uniform(1), self.alpha)], dim=1)
        return torch.cat([sample, draws.uniform(NOISE_COLUMNS)], dim=1) if self.overlaps_attacks else sample

    def levels(self, own: Tensor, other: Tensor, pixels: Tensor, partner_pixels: Tensor, weight: Tensor) -> Tensor:
        """Choose each block's level.

        Args:
            own: Saliency of the image's blocks, of sum 1, shape (N, n, n).
            other: That of its partner.
            pixels: The image in units of the grey range, shape (N, C, H, W).
            partner_pixels: Its partner.
            weight: Lambda, shape (N,).

        Returns:
            int64, shape (N, n, n): twice the share of the image.
        """
        n = own.shape[1]
        chance = torch.stack([(1 - weight) ** 2, 2 * weight * (1 - weight), weight**2], dim=1)
        prior = -(chance + _LEAST_CHANCE).log() * (self.prior / n**2)
        # What one level adds to what the block costs, beyond the level below.
        gain = (other - own).double()
        smoothness = self.smoothness / (16 * n)
        weights = []
        block = math.gcd(*(side // n for side in pixels.shape[2:]))
        strip = max(width for width in range(1, min(self.neighbour_px, block) + 1) if block % width == 0)
        pixels, partner_pixels = F.avg_pool2d(pixels, strip), F.avg_pool2d(partner_pixels, strip)
        for axis in (2, 3):
            a, b = (each if axis == 2 else each.transpose(2, 3) for each in (pixels, partner_pixels))
            only_a, only_b = edge_steps(a, a, n), edge_steps(b, b, n)
            a_above, b_above = edge_steps(a, b, n), edge_steps(b, a, n)
            same, between = only_a - only_b, a_above + b_above - only_a - only_b
            # The cost of a pair of levels is linear in each but for its squared difference.
            linear = F.pad(same + a_above - b_above, (0, 0, 0, 1)) + F.pad(same - a_above + b_above, (0, 0, 1, 0))
            gain = gain + smoothness * self.step_weight / 2 * (linear if axis == 2 else linear.transpose(1, 2))
            # Below zero, neighbours would seek contrast, which no cut can serve.
            squared = (smoothness * (1 + self.step_weight / 2 * between)).clamp_min(0) / 4
            weights.append(squared if axis == 2 else squared.transpose(1, 2))
        share = torch.arange(3, device=own.device).view(1, 3, 1, 1) / 2
        return cheapest_levels(gain[:, None] * share + prior[:, :, None, None], weights[0], weights[1])

    def _moved(
        self, images: Tensor, others: Tensor, saliency: Tensor, weight: Tensor, n: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose masks on one grid and move images and their partners under them; ``saliency`` is (2, N, H, W)."""
        height, width = images.shape[-2:]
        own, other = (block_saliency(each, n) for each in saliency)
        levels = self.levels(own, other, images * _PIXEL_DEVIATION, others * _PIXEL_DEVIATION, weight)
        is_finer = n < _TRANSPORT_GRID and height % _TRANSPORT_GRID == width % _TRANSPORT_GRID == 0
        finer = _TRANSPORT_GRID if is_finer else n
        mask = _enlarged(levels.to(images.dtype) / 2, finer, finer)
        own, other = (block_saliency(each, finer) for each in saliency)
        images = moved(images, transport_plan(own, mask, self.transport_price))
        others = moved(others, transport_plan(other, 1 - mask, self.transport_price))
        return images, others, _enlarged(mask, height, width)[:, None]

    def augment(self, step: Step) -> tuple[Tensor, Tensor]:
        """Mix one batch by saliency in evaluation mode; see ``GuidedMethod.augment``.

        Raises:
            UsageError: If no grid divides the images' sides, or there is noise to be added to pixels of no known range.
        """
        images, noise = self._started(step)
        return self._mixed(step, noise, input_gradient(replace(step, images=images)))

    def loss(self, step: Step) -> Tensor:
        """Compute the mean loss of the mixed batch, and add the weighted one of the batch itself."""
        if not self.clean_weight:
            return super().loss(step)
        images, noise = self._started(step)
        images = images.detach().requires_grad_()
        clean = step.criterion(step.network(images), step.targets)
        # The graph stays, as the clean loss trains too.
        (gradient,) = torch.autograd.grad(clean.sum(), images, retain_graph=True)
        mixed, targets = self._mixed(step, noise, finite_gradient(gradient))
        return step.criterion(step.network(mixed), targets).mean() + self.clean_weight * clean.mean()

    def _started(self, step: Step) -> tuple[Tensor, AdversarialNoise | None]:
        """Return the images whose saliency is taken, and the noise to be made of it."""
        if not self.overlaps_attacks:
            return step.images, None
        noise = AdversarialNoise.drawn(step, step.sample[:, 3:], self.adversarial_probability, self.adversarial_eps)
        return noise.started(step.images), noise

    def _mixed(self, step: Step, noise: AdversarialNoise | None, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one batch by the gradient of its loss with respect to the pixels."""
        height, width = step.images.shape[-2:]
        grids = [n for n in GRIDS if height % n == 0 and width % n == 0]
        if not grids:
            raise UsageError(f"puzzlemix needs images whose sides are even, got {height} x {width}.")
        saliency, partners = root_mean_square(gradient), pair(step.sample[:, 0])
        own, other = (step.images, step.images) if noise is None else noise.added(step.images, gradient)
        drawn = (step.sample[:, 1] * len(grids)).long()
        images, others, mask = (torch.empty_like(each) for each in (step.images, step.images, step.images[:, :1]))
        for number, n in enumerate(grids):
            rows = (drawn == number).nonzero()[:, 0]
            if len(rows):
                both = torch.stack([saliency[rows], saliency[partners[rows]]])
                pairs = own[rows], other[partners[rows]]
                images[rows], others[rows], mask[rows] = self._moved(*pairs, both, step.sample[rows, 2], n)
        return mix(images, step.targets, partners, mask, others)


def _enlarged(mask: Tensor, height: int, width: int) -> Tensor:
    """Repeat the entries of a mask, shape (N, h, w), to multiples of its size."""
    return mask.repeat_interleave(height // mask.shape[1], 1).repeat_interleave(width // mask.shape[2], 2)
