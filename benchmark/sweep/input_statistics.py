"""A check that a network sees the inputs it was trained on, by what its first batch normalisation remembers."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# In nats. A fitting normalisation stays below a tenth; one too few or too many is at half a nat or more.
_MISFIT = 0.3
_BETTER = 1 / 3


class _ReachedError(Exception):
    """Ends a forward pass that has gone far enough."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """How badly the inputs of the first batch normalisation fit what it remembers.

    Attributes:
        layer: Its name in the network.
        applied: Divergence in nats under the normalisation in use.
        best: Name of the alternative that fits best.
        best_divergence: Divergence in nats under that alternative.
    """

    layer: str
    applied: float
    best: str
    best_divergence: float

    @property
    def is_explained(self) -> bool:
        """Whether the inputs in use do not fit and the best alternative fits far better."""
        return self.applied > _MISFIT and self.best_divergence < _BETTER * self.applied


def input_misfit(network: nn.Module, applied: Tensor, alternatives: Mapping[str, Tensor]) -> Misfit | None:
    """Compare the first batch normalisation's running statistics with the statistics of its input.

    The divergence is the Kullback-Leibler divergence from the remembered normal distribution of a channel to that of
    its inputs, in nats; the median channel counts. It is zero if mean and variance agree.

    Args:
        network: In evaluation mode, without the normalisation of its input; only its layers up to the first batch
            normalisation are run.
        applied: float32 (n, 3, H, W), inputs as the network gets them now.
        alternatives: The same images, normalised otherwise, by name; at least one.

    Returns:
        None if the network runs no batch normalisation that remembers anything.
    """
    found = _first_divergence(network, applied)
    if found is None:
        return None
    others = {name: _first_divergence(network, images) for name, images in alternatives.items()}
    divergences = {name: other[1] for name, other in others.items() if other is not None}
    best = min(divergences, key=divergences.__getitem__)
    return Misfit(found[0], found[1], best, divergences[best])


def _first_divergence(network: nn.Module, images: Tensor) -> tuple[str, float] | None:
    reached: list[tuple[str, _BatchNorm, Tensor]] = []
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None:

            def stop(layer: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                assert isinstance(layer, _BatchNorm)
                reached.append((name, layer, inputs[0]))
                raise _ReachedError

            handles.append(module.register_forward_pre_hook(stop))
    try:
        with torch.no_grad():
            network(images)
    except _ReachedError:
        pass
    finally:
        for handle in handles:
            handle.remove()
    if not reached:
        return None
    name, layer, inputs = reached[0]
    return (name, _divergence(layer, inputs)) if _remembers(layer) else None


def _remembers(layer: _BatchNorm) -> bool:
    """Say whether the running statistics have ever been updated; they start at zero and one."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return bool(layer.running_mean.any()) or bool((layer.running_var != 1).any())


def _divergence(layer: _BatchNorm, inputs: Tensor) -> float:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    channels = inputs.double().transpose(0, 1).flatten(1)
    remembered = layer.running_var.double() + layer.eps
    variance = channels.var(1, correction=0) + layer.eps
    shift = (channels.mean(1) - layer.running_mean.double()).square()
    ratio = variance / remembered
    return float((0.5 * (ratio + shift / remembered - 1.0 - ratio.log())).median())
