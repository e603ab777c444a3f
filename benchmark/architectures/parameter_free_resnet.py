"""ResNet-8/20/32/44/56/110 for CIFAR, whose shortcuts have no parameters.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (CVPR 2016), section 4.2: 6n+2 layers,
widths 16, 32, 64, shortcut option A.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.errors import UsageError


class ParameterFreeBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut that takes every ``stride``-th pixel and pads channels with zeros."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride = stride
        # The new channels lie half before, half after the old ones; existing checkpoints depend on it.
        self.channels_before = (width - width_in) // 2
        self.channels_after = width - width_in - self.channels_before

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        shortcut = x
        if self.stride > 1 or self.channels_before + self.channels_after > 0:
            shortcut = x[:, :, :: self.stride, :: self.stride]
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.channels_before, self.channels_after))
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + shortcut)


class ParameterFreeResNet(nn.Module):
    """Three stages of n blocks each, 6n+2 layers.

    Parameter names: ``conv1 bn1 layerK.i.convJ layerK.i.bnJ linear``.

    Args:
        depth: 6n+2 for a whole n >= 1.
        classes: Number of logits.
        width: Channels of the first stage; each later one has twice as many. The paper's are 16, 32 and 64.

    Raises:
        UsageError: If no n gives that depth.
    """

    def __init__(self, depth: int, classes: int, width: int = 16) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise UsageError(f"A CIFAR ResNet has 6n+2 layers (8, 20, 32, ...); {depth} is none of these.")
        n_blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = self._stage(width, width, n_blocks, stride=1)
        self.layer2 = self._stage(width, 2 * width, n_blocks, stride=2)
        self.layer3 = self._stage(2 * width, 4 * width, n_blocks, stride=2)
        self.linear = nn.Linear(4 * width, classes)

    @staticmethod
    def _stage(width_in: int, width: int, n_blocks: int, stride: int) -> nn.Sequential:
        rest = (ParameterFreeBlock(width, width, 1) for _ in range(n_blocks - 1))
        return nn.Sequential(ParameterFreeBlock(width_in, width, stride), *rest)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to logits (N, classes)."""
        out = F.relu(self.bn1(self.conv1(images)))
        out = self.layer3(self.layer2(self.layer1(out)))
        logits: Tensor = self.linear(torch.mean(out, (2, 3)))
        return logits
