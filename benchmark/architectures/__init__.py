"""Networks for small images, with the parameter names that existing checkpoints have.

Every network takes normalised float32 images of shape (N, 3, H, W) and returns logits of shape (N, classes);
normalisation is not part of it. Global average pooling lets the same weights run on other image sizes.
"""

import re
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from robustsweep.benchmark.architectures.parameter_free_resnet import ParameterFreeResNet
from robustsweep.benchmark.architectures.preact_resnet import PreActResNet
from robustsweep.benchmark.architectures.projection_resnet import BasicBlock, Bottleneck, ProjectionResNet
from robustsweep.benchmark.architectures.wide_resnet import WideResNet
from robustsweep.errors import UsageError
from robustsweep.registry import Registry

Architecture = Callable[[int], nn.Module]
"""Takes the number of classes, returns the network."""

ARCHITECTURES: Registry[Architecture] = Registry("architecture", Callable)

for _depth in (8, 20, 32, 44, 56, 110):
    ARCHITECTURES.add(f"resnet{_depth}", partial(ParameterFreeResNet, _depth))
ARCHITECTURES.add("resnet8-w8", partial(ParameterFreeResNet, 8, width=8))
ARCHITECTURES.add("resnet18", partial(ProjectionResNet, BasicBlock, (2, 2, 2, 2)))
ARCHITECTURES.add("resnet34", partial(ProjectionResNet, BasicBlock, (3, 4, 6, 3)))
ARCHITECTURES.add("resnet50", partial(ProjectionResNet, Bottleneck, (3, 4, 6, 3)))
ARCHITECTURES.add("preactresnet18", partial(PreActResNet, (2, 2, 2, 2)))
ARCHITECTURES.add("wrn-28-10", partial(WideResNet, 28, 10))
ARCHITECTURES.add("wrn-40-2", partial(WideResNet, 40, 2))

_WIDE_RESNET = re.compile(r"wrn-(\d{1,4})-(\d{1,3})")


def _initialise(network: nn.Module) -> None:
    """Draw the convolutions' weights as He et al. (ICCV 2015, eq. 14) do; other layers keep PyTorch's defaults."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def build_architecture(name: str, classes: int, *, seed: int = 0) -> nn.Module:
    """Build a network with freshly drawn weights, in evaluation mode.

    Build it under ``with torch.device("meta")`` to have its shapes without its memory.

    Args:
        name: A name in ``ARCHITECTURES``, or ``wrn-D-K`` for the wide residual network of depth D and width K.
        classes: Number of logits.
        seed: Decides the weights; the global generator is left as it was found.

    Raises:
        UsageError: If the name is unknown, or fewer than one class is asked for.
    """
    if classes < 1:
        raise UsageError(f"A network needs at least one class; {classes} were asked for.")
    wide = _WIDE_RESNET.fullmatch(name)
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed the accelerators, which fork_rng then would have to restore.
        torch.default_generator.manual_seed(seed)
        if wide and name not in ARCHITECTURES:
            network: nn.Module = WideResNet(int(wide[1]), int(wide[2]), classes)
        else:
            architecture = ARCHITECTURES[name]
            with ARCHITECTURES.using(name):
                network = architecture(classes)
            if not isinstance(network, nn.Module):
                raise ARCHITECTURES.refuse(name, f"returned {network!r:.200}, expected a torch.nn.Module")
        _initialise(network)
    return network.eval()
