"""The last feature map of a convolutional network, whichever way its code computes it."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from robustsweep.errors import UsageError

_CONVOLUTIONS = ("conv2d", "conv_transpose2d")
_TOKENS = ("linear", "layer_norm")
_ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward")
_PRODUCTS = ("matmul", "__matmul__", "bmm")


class FeatureMapRecorder(TorchFunctionMode):
    """Records the last feature map that is computed inside, after its activation and before its pooling.

    Functions are watched and not modules: the built-in networks, and many others, rectify their last feature map by a
    function, which no hook of a module sees. A feature map has shape (N, C, h, w) with more than one pixel each way and
    comes after a convolution; what a pooling returns is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: Tensor | None = None
        self._has_convolution = self._has_tokens = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run a function of PyTorch and look at what it returns."""
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor):
            self._look(getattr(func, "__name__", ""), args, output)
        return output

    def _look(self, name: str, args: Sequence[Any], output: Tensor) -> None:
        self._has_convolution |= name in _CONVOLUTIONS
        is_product = name in _PRODUCTS and all(isinstance(one, Tensor) and one.dim() > 2 for one in args[:2])
        if name in _ATTENTION or is_product or (name in _TOKENS and output.dim() == 3):
            self._has_tokens = True
        is_map = output.dim() == 4 and min(output.shape[2:]) > 1 and output.requires_grad
        if is_map and self._has_convolution and "pool" not in name:
            self._last = output

    def found(self, name: str) -> Tensor:
        """Return the last feature map, float (N, C, h, w), with its graph.

        Raises:
            UsageError: If the network is not convolutional, or its maps have one pixel.
        """
        if self._last is None or self._has_tokens:
            reason = "this one attends to tokens" if self._has_tokens else "this one computes none on these images"
            raise UsageError(
                f"{name} needs a convolutional network with a feature map of more than one pixel, and {reason}; take "
                "smoothgrad or integrated_gradients, or another network."
            )
        return self._last
