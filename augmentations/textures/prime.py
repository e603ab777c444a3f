"""PRIME: chains of random filters, colour maps and, if asked for, displacements, blended as in AugMix.

Source: Modas, Rade, Ortiz-Jimenez, Moosavi-Dezfooli and Frossard, "PRIME: A few primitives can boost robustness to
common corruptions" (ECCV 2022) and the authors' code and CIFAR settings: three chains of 1 to 3 primitives (see
``primitives``), one uniformly drawn for each step, pixels clipped after each. Their ImageNet training takes colour maps
of 20 neighbouring frequencies up to 500, which is not offered here, a variance up to 0.05, and no divergence.
Differences from the authors' code: smooth displacements, which are of the family of the corruption ``elastic``, take
part only with ``all_primitives``, as published; strengths, cuts and fields are drawn for each image and step, while
theirs hold for a batch; a filter's own pixel is its middle one, while theirs (``shifted_delta``) moves the image by a
pixel up and to the left; sides of images may differ; frequencies of displacements end at the side less one.
"""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.augmentations.textures import primitives
from robustsweep.augmentations.textures.blended_chains import BlendedChains
from robustsweep.bounds import NotNegative, between
from robustsweep.draws import Draws


@METHODS.register("prime")
@dataclass(frozen=True)
class Prime(BlendedChains):
    """Blends chains of random filters and random changes of colour; the labels stay.

    See ``BlendedChains`` for what it has in common with others.

    Attributes:
        all_primitives: Whether smooth displacements take part, as published; a network trained with them has seen
            what it is tested on.
        filter_sigma: Largest deviation of a filter's weights, at least 0.
        max_frequency: Highest frequency of a colour map in half waves, from 1 to 1000.
        colour_variance: Largest variance of each of its sine waves, at least 0.
        max_cut: Highest frequency of a displacement in half waves, from 3 to 1000.
        shifted_delta: Whether filters shift the image as in the authors' code.
        depth: Most steps of a chain, from 1 to 100.
    """

    name = "prime"
    all_primitives: bool = False
    filter_sigma: NotNegative = 4.0
    max_frequency: Annotated[int, between(1, 1000)] = 100
    colour_variance: NotNegative = 0.01
    max_cut: Annotated[int, between(3, 1000)] = 100
    shifted_delta: bool = False
    depth: Annotated[int, between(1, 100)] = 3

    @property
    def overlapped_corruptions(self) -> tuple[str, ...]:
        """Names of the corruptions that displacements resemble; that some filters blur is not counted."""
        return ("elastic_transform",) if self.all_primitives else ()

    def distorted(self, images: Tensor, keys: Tensor, group: Tensor) -> Tensor:
        """Pass images through a chain each; see ``BlendedChains``."""
        draws = Draws(0, "prime/chain", keys)
        depth = draws.integers(1, self.depth + 1)
        chosen = draws.integers(0, 3 if self.all_primitives else 2, self.depth)
        chains = images.float() / 255
        for step in range(self.depth):
            for number, primitive in enumerate((self._filtered, self._recoloured, self._displaced)):
                rows = ((depth > step) & (chosen[:, step] == number)).nonzero()[:, 0]
                if len(rows):
                    own = Draws(0, f"prime/{step}", keys[rows])
                    chains[rows] = primitive(chains[rows], own).clamp(0, 1)
        return chains * 255

    def _filtered(self, images: Tensor, draws: Draws) -> Tensor:
        sigma = draws.uniform(high=self.filter_sigma)
        return primitives.filtered(images, sigma, draws.normal(3, 3), shifted_delta=self.shifted_delta)

    def _recoloured(self, images: Tensor, draws: Draws) -> Tensor:
        cut, variance = draws.integers(1, self.max_frequency + 1), draws.uniform(high=self.colour_variance)
        return primitives.recoloured(images, cut, variance, draws.normal(3, self.max_frequency))

    def _displaced(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = images.shape[-2:]
        cut, temperature = primitives.displacement_strength(draws.uniform(3), self.max_cut, min(height, width))
        modes = max(1, min(self.max_cut, height - 1)), max(1, min(self.max_cut, width - 1))
        return primitives.displaced(images, cut, temperature, draws.normal(2, *modes))
