"""Manifold Mixup: Mixup of the features of a random layer.

Source: Verma et al., "Manifold mixup: Better representations by interpolating hidden states" (ICML 2019), section 2:
the layer is drawn for each batch from an eligible set; the authors' code takes the input and the outputs of the first
two stages, and alpha = 2 on CIFAR.
Differences from the authors' code: a weight for each image, not one for the batch; the recipe's loss, while theirs is
the binary cross-entropy of the softmax's output; the layer is mixed where its output is made, by a hook, so that any
network serves.
With token embeddings as input and layers of a text encoder this is TMix (Chen, Yang and Yang, "MixText", ACL 2020),
whose weight is never below one half (``lambda_fold``); the package has no text data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.mixes.mixing import pair
from robustsweep.augmentations.network_method import NetworkMethod
from robustsweep.augmentations.parts.beta import symmetric_beta
from robustsweep.augmentations.parts.layers import find_layer, layer_names, output_replaced
from robustsweep.bounds import Positive
from robustsweep.draws import Draws

INPUT = "input"


@METHODS.register("manifold_mixup")
@dataclass(frozen=True)
class ManifoldMixup(NetworkMethod):
    """Mixes one layer's output of a batch with its permutation, the targets by the same weights and permutation.

    Attributes:
        alpha: Positive; weights are drawn from Beta(alpha, alpha).
        layers: The eligible set, at least one of: ``input``; ``stage1``, ``stage2``, ... (``stage-1`` is the last);
            or a module's path. Each is equally likely; a batch takes the draw of its first image.
        lambda_fold: Whether a weight below one half becomes its complement, so that an image outweighs its partner.
    """

    name = "manifold_mixup"
    alpha: Positive = 2.0
    layers: Sequence[str] = (INPUT, "stage1", "stage2")
    lambda_fold: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", layer_names(self.layers, self.name))

    def sample(self, draws: Draws) -> Tensor:
        """Draw the pairing key, the weight and a uniform number for the layer: shape (N, 3)."""
        return torch.cat([draws.uniform(1), symmetric_beta(draws.uniform(1), self.alpha), draws.uniform(1)], dim=1)

    def loss(self, step: Step) -> Tensor:
        """Compute the mean loss of a forward pass that mixes at the drawn layer."""
        # Found all, so that a name that the network lacks is an error at once and not when it is drawn.
        modules = [None if each == INPUT else find_layer(step.network, each, self.name) for each in self.layers]
        drawn = int(step.sample[0, 2] * len(self.layers))
        partners, weights = pair(step.sample[:, 0]), step.sample[:, 1]
        if self.lambda_fold:
            weights = torch.maximum(weights, 1 - weights)

        def mixed(values: Tensor) -> Tensor:
            own = weights.to(values.dtype).view(-1, *(1,) * (values.dim() - 1))
            return own * values + (1 - own) * values[partners]

        module = modules[drawn]
        if module is None:
            logits = step.network(mixed(step.images))
        else:
            with output_replaced(module, mixed, self.layers[drawn], self.name):
                logits = step.network(step.images)
        return step.criterion(logits, mixed(step.targets)).mean()
