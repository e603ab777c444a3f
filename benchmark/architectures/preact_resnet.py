"""PreActResNet-18 with a 3x3 stem.

Source: He, Zhang, Ren and Sun, "Identity mappings in deep residual networks" (ECCV 2016), figure 4(e).
Differences: as in the checkpoints in circulation, the last stage is pooled without a final batch normalisation and
ReLU, and the projected shortcut is a 1x1 convolution of the activated input.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PreActBlock(nn.Module):
    """Batch normalisation and ReLU before each of two 3x3 convolutions."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = nn.Sequential()
        if stride != 1 or width_in != width:
            self.shortcut = nn.Sequential(nn.Conv2d(width_in, width, 1, stride=stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        activated = F.relu(self.bn1(x))
        shortcut = self.shortcut(activated) if len(self.shortcut) else x
        out = self.conv1(activated)
        summed: Tensor = self.conv2(F.relu(self.bn2(out))) + shortcut
        return summed


class PreActResNet(nn.Module):
    """Four stages of widths 64, 128, 256 and 512.

    Parameter names: ``conv1 layerK.i.bnJ layerK.i.convJ layerK.i.shortcut.0 linear``.

    Args:
        n_blocks: Blocks of each of the four stages.
        classes: Number of logits.
    """

    def __init__(self, n_blocks: Sequence[int], classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.layer1 = self._stage(64, 64, n_blocks[0], stride=1)
        self.layer2 = self._stage(64, 128, n_blocks[1], stride=2)
        self.layer3 = self._stage(128, 256, n_blocks[2], stride=2)
        self.layer4 = self._stage(256, 512, n_blocks[3], stride=2)
        self.linear = nn.Linear(512, classes)

    @staticmethod
    def _stage(width_in: int, width: int, count: int, stride: int) -> nn.Sequential:
        rest = (PreActBlock(width, width, 1) for _ in range(count - 1))
        return nn.Sequential(PreActBlock(width_in, width, stride), *rest)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to logits (N, classes)."""
        out = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(images)))))
        logits: Tensor = self.linear(torch.mean(out, (2, 3)))
        return logits
