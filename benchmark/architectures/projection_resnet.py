"""ResNet-18/34/50 with a 3x3 stem, for images of 32 and 64 pixels.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (CVPR 2016), table 1, shortcut option B.
Differences: the stem is one 3x3 convolution of stride 1 without pooling; a bottleneck strides in its 3x3 convolution.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _projection(width_in: int, width: int, stride: int) -> nn.Sequential:
    """Return the identity if shapes agree, else a 1x1 convolution and its batch normalisation."""
    if stride == 1 and width_in == width:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(width_in, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a projected shortcut."""

    expansion = 1

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = _projection(width_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class Bottleneck(nn.Module):
    """A 1x1, a 3x3 and a widening 1x1 convolution around a projected shortcut."""

    expansion = 4

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, self.expansion * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * width)
        self.shortcut = _projection(width_in, self.expansion * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, 4 * width, H / stride, W / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + self.shortcut(x))


Block = BasicBlock | Bottleneck


class ProjectionResNet(nn.Module):
    """Four stages of widths 64, 128, 256 and 512.

    Parameter names: ``conv1 bn1 layerK.i.convJ layerK.i.bnJ layerK.i.shortcut.0 layerK.i.shortcut.1 linear``.

    Args:
        block: The kind of block.
        n_blocks: Blocks of each of the four stages.
        classes: Number of logits.
    """

    def __init__(self, block: type[Block], n_blocks: Sequence[int], classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        expansion = block.expansion
        self.layer1 = self._stage(block, 64, 64, n_blocks[0], stride=1)
        self.layer2 = self._stage(block, 64 * expansion, 128, n_blocks[1], stride=2)
        self.layer3 = self._stage(block, 128 * expansion, 256, n_blocks[2], stride=2)
        self.layer4 = self._stage(block, 256 * expansion, 512, n_blocks[3], stride=2)
        self.linear = nn.Linear(512 * expansion, classes)

    @staticmethod
    def _stage(block: type[Block], width_in: int, width: int, count: int, stride: int) -> nn.Sequential:
        rest = (block(block.expansion * width, width, 1) for _ in range(count - 1))
        return nn.Sequential(block(width_in, width, stride), *rest)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to logits (N, classes)."""
        out = F.relu(self.bn1(self.conv1(images)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        logits: Tensor = self.linear(torch.mean(out, (2, 3)))
        return logits
