"""WideResNet-d-k.

Source: Zagoruyko and Komodakis, "Wide residual networks" (BMVC 2016), table 1: 6n+4 layers, widths 16k, 32k, 64k,
pre-activation blocks. Difference: no dropout.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.errors import UsageError


class WideBlock(nn.Module):
    """Batch normalisation and ReLU before each of two 3x3 convolutions; a changed width is projected by 1x1."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        # Existing checkpoints spell this one name in camel case.
        self.convShortcut = nn.Conv2d(width_in, width, 1, stride=stride, bias=False) if width_in != width else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        activated = F.relu(self.bn1(x))
        shortcut = x if self.convShortcut is None else self.convShortcut(activated)
        out = F.relu(self.bn2(self.conv1(activated)))
        summed: Tensor = self.conv2(out) + shortcut
        return summed


class WideStage(nn.Module):
    """Blocks of one width; only the first strides."""

    def __init__(self, width_in: int, width: int, n_blocks: int, stride: int) -> None:
        super().__init__()
        rest = (WideBlock(width, width, 1) for _ in range(n_blocks - 1))
        self.layer = nn.Sequential(WideBlock(width_in, width, stride), *rest)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        out: Tensor = self.layer(x)
        return out


class WideResNet(nn.Module):
    """Three stages of n blocks each, 6n+4 layers.

    Parameter names: ``conv1 blockK.layer.i.bnJ blockK.layer.i.convJ blockK.layer.i.convShortcut bn1 fc``.

    Args:
        depth: 6n+4 for a whole n >= 1.
        width_factor: k, at least 1.
        classes: Number of logits.

    Raises:
        UsageError: If no n gives that depth, or k is below 1.
    """

    def __init__(self, depth: int, width_factor: int, classes: int) -> None:
        super().__init__()
        if depth < 10 or depth % 6 != 4:
            raise UsageError(f"A wide ResNet has 6n+4 layers (10, 16, 22, 28, 34, 40, ...); {depth} is none of these.")
        if width_factor < 1:
            raise UsageError(f"A wide ResNet's width factor is at least 1; {width_factor} was asked for.")
        n_blocks = (depth - 4) // 6
        widths = (16 * width_factor, 32 * width_factor, 64 * width_factor)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.block1 = WideStage(16, widths[0], n_blocks, stride=1)
        self.block2 = WideStage(widths[0], widths[1], n_blocks, stride=2)
        self.block3 = WideStage(widths[1], widths[2], n_blocks, stride=2)
        self.bn1 = nn.BatchNorm2d(widths[2])
        self.fc = nn.Linear(widths[2], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to logits (N, classes)."""
        out = self.block3(self.block2(self.block1(self.conv1(images))))
        logits: Tensor = self.fc(torch.mean(F.relu(self.bn1(out)), (2, 3)))
        return logits
