"""Class activation maps of networks that end in a linear layer on the mean of a feature map.

Source: Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning deep features for discriminative localization" (CVPR
2016), section 2: the map of class c is the sum over channels k of w_ck f_k(i, j).
"""

from typing import Any

import torch
from torch import Tensor, nn

from robustsweep.augmentations.network_method import observing
from robustsweep.errors import UsageError


class _Recorder:
    """Keeps what the classifier's linear layer received, and the last feature map before it."""

    def __init__(self, linear: nn.Linear) -> None:
        self.linear = linear
        self.features: Tensor | None = None
        self.pooled: Tensor | None = None

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
        if module is self.linear:
            self.pooled = inputs[0]
        elif self.pooled is None and isinstance(output, Tensor) and output.dim() == 4 and output[0, 0].numel() > 1:
            self.features = output

    def pooled_map(self) -> Tensor | None:
        """Return the map whose mean the linear layer received: as recorded or rectified, whichever it is."""
        if self.features is None or self.pooled is None:
            return None
        for features in (self.features, torch.relu(self.features)):
            mean = features.mean((2, 3))
            if mean.shape == self.pooled.shape and torch.allclose(mean, self.pooled, rtol=1e-2, atol=1e-4):
                return features
        return None


def activation_maps(network: nn.Module, images: Tensor, classes: Tensor, method: str) -> Tensor:
    """Compute each image's map for one class, as the network in evaluation mode sees it.

    Args:
        network: The classifier; its parameters, buffers and modes are left as they are.
        images: Normalised, shape (N, C, H, W).
        classes: int64, shape (N,).
        method: Who asks, for the error.

    Returns:
        float32, shape (N, h, w), of the size of the last feature map, without the layer's bias, a constant.

    Raises:
        UsageError: If the network does not end in a linear layer on the mean of a feature map of more than one pixel.
    """
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    recorder = _Recorder(linear[-1] if linear else nn.Linear(1, 1))
    handles = [module.register_forward_hook(recorder) for module in network.modules()]
    try:
        with observing(network), torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    features = recorder.pooled_map()
    if features is None:
        raise UsageError(
            f"{method} needs a network that ends in a linear layer on the mean of a feature map of more than one "
            "pixel, such as a ResNet; this one does not; choose another architecture, or do without {method}."
        )
    with torch.no_grad():
        return torch.einsum("nk,nkhw->nhw", recorder.linear.weight[classes].float(), features.float())
