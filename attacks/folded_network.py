"""A faster copy of a network for the search: batch normalisation folded into convolutions, channels last in memory.

In evaluation mode batch normalisation scales and shifts each channel by constants, which the convolution before it can
do by itself. The copy computes what the network does but for rounding; verdicts are never left to it.
"""

import copy
from collections import Counter
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from robustsweep.foreign_code import foreign_code

Convolution = nn.Conv1d | nn.Conv2d
Normalisation = nn.BatchNorm1d | nn.BatchNorm2d

# Subclasses may compute something else; a reparametrised module is a subclass too.
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)
# Images that a copy is compared on; a few, since a short attack takes little longer than they do.
N_COMPARED = 4
# Of the largest logit: rounding alone stays a hundred times below it.
_TOLERANCE = 1e-3


def search_model(model: nn.Module, images: Tensor) -> tuple[nn.Module, str | None]:
    """Copy a network and fold what can be folded, if the copy then agrees with it.

    Args:
        model: Maps float32 (n, ...) to logits (n, K), in eval mode; left as it is.
        images: float32 (n, ...), in [0, 1], n >= 1; the copy is compared on the first four.

    Returns:
        The copy, whose parameters need no gradient, and None: then the model also takes images that are channels last
        in memory. Or the model itself, and why if it has convolutions and yet no copy can stand for it.
    """
    if not any(type(module) in _CONVOLUTIONS for module in model.modules()):
        return model, None
    images = images[:N_COMPARED]
    try:
        with foreign_code(), torch.no_grad():
            folded = copy.deepcopy(model).requires_grad_(False)
            _fold(folded, _consecutive(folded, images[:1]))
            folded.to(memory_format=torch.channels_last)
            expected, found = model(channels_last(images)), folded(images)
            difference, scale = float((found - expected).abs().max()), float(expected.abs().max())
    except Exception as error:  # a network may be anybody's code, and need not bear copying
        return model, f"the network cannot be copied and folded ({type(error).__name__}: {error})"
    if not difference <= _TOLERANCE * scale:
        return (
            model,
            f"the copy with folded batch normalisation differs by {difference:.3g}, with logits up to {scale:.3g}",
        )
    return folded, None


def channels_last(images: Tensor) -> Tensor:
    """Lay images (n, C, H, W) out channels last in memory; leave others as they are."""
    return images.contiguous(memory_format=torch.channels_last) if images.dim() == 4 else images


def _consecutive(model: nn.Module, images: Tensor) -> list[tuple[Convolution, Normalisation]]:
    """Run the network once and list each convolution with the batch normalisation that takes its output unchanged."""
    made: list[tuple[Convolution, Tensor, int]] = []
    found: list[tuple[Convolution, Normalisation]] = []
    calls: Counter[nn.Module] = Counter()

    def left(module: Convolution, _: object, output: Tensor) -> None:
        calls[module] += 1
        made.append((module, output, output._version))

    def entered(module: Normalisation, inputs: tuple[Tensor, ...]) -> None:
        calls[module] += 1
        found.extend(
            (convolution, module)
            for convolution, output, version in made
            if output is inputs[0] and output._version == version
        )

    with ExitStack() as stack:
        for module in model.modules():
            if module._forward_hooks or module._forward_pre_hooks:
                continue
            if type(module) in _CONVOLUTIONS:
                stack.enter_context(module.register_forward_hook(left))
            elif type(module) in _NORMALISATIONS and module.running_mean is not None:
                stack.enter_context(module.register_forward_pre_hook(entered))
        model(images)
    return [(convolution, norm) for convolution, norm in found if calls[convolution] == calls[norm] == 1]


def _fold(model: nn.Module, pairs: list[tuple[Convolution, Normalisation]]) -> None:
    for convolution, norm in pairs:
        assert norm.running_mean is not None  # the only kind that is looked at
        assert norm.running_var is not None
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight if norm.affine else None,
            norm.bias if norm.affine else None,
        )
    folded = {norm for _, norm in pairs}
    for parent in model.modules():
        for name, child in parent.named_children():
            if child in folded:
                setattr(parent, name, nn.Identity())
