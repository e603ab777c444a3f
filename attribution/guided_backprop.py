"""Guided Backpropagation: the gradient of which every ReLU passes on the positive part alone.

Source: Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for simplicity: the all convolutional net" (ICLR 2015
workshop), section 3.4. Difference from the usual code, which hooks modules of ReLU: a network whose forward pass calls
the function has none, and such code then returns the plain gradient. Here every rectification is seen.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from robustsweep.attribution.explained import explaining, gradient_at
from robustsweep.errors import UsageError

_RECTIFIERS = ("relu", "relu_", "relu6")


class _GuidedRectifiers(TorchFunctionMode):
    """Lets no negative gradient back into what a ReLU returned inside, by function or module, in place or not."""

    def __init__(self) -> None:
        super().__init__()
        self.n_seen = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in _RECTIFIERS or self._is_relu6(func, args, kwargs or {}):
            self.n_seen += 1
            if output.requires_grad:
                # A hook of the tensor and not of a module: it goes with the graph.
                output.register_hook(_positive_part)
        return output

    @staticmethod
    def _is_relu6(func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
        low = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
        return getattr(func, "__name__", "") in ("hardtanh", "hardtanh_") and low == 0


def guided_backprop(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Compute the gradient of the target logit, of which every ReLU passes on the positive part alone.

    It hardly changes when a network's weights are randomised, so that it is not evidence of where a network looks
    (Adebayo and others, "Sanity checks for saliency maps", NeurIPS 2018).

    Args:
        network: From images in [0, 1] to logits, with ReLU (or ReLU6) of any form; other activations pass the gradient
            as they do otherwise. It is left as it is.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,), the classes to explain.

    Returns:
        float32 (N, 3, H, W), signed: logits per unit of pixel value. Nothing is drawn.

    Raises:
        UsageError: If the network has no ReLU: the map would be the plain gradient.
        DataError: If images or targets do not fit.
        NoGradientError: If there is no gradient, or it is not finite.
    """
    with explaining(network, images, targets, "guided_backprop") as explained:
        with _GuidedRectifiers() as rectifiers:
            leaf, logits = explained.differentiable(images)
        if not rectifiers.n_seen:
            raise UsageError(
                "guided_backprop needs a network with ReLU, and this one has none, so that the map would be its plain "
                "gradient; take smoothgrad or integrated_gradients."
            )
        return gradient_at(explained, leaf, logits, targets)


def _positive_part(gradient: Tensor) -> Tensor:
    return gradient.clamp_min(0)
