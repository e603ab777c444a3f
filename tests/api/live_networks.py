"""Small networks and images in memory."""

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from robustsweep import Results
from robustsweep.benchmark.data import open_data
from robustsweep.results.stored.store import CellStore

SUITES = ("clean", "gaussian_noise@3", "fog@3", "pgd3-linf@1/255,4/255")


class SmallNet(nn.Module):
    """A convolution, a normalisation that remembers, a dropout and a matrix."""

    def __init__(self, seed: int = 0, classes: int = 10, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
            self.bn = nn.BatchNorm2d(6)
            self.dropout = nn.Dropout(0.5)
            self.linear = nn.Linear(6 * 16, classes)
            self.bn.running_mean.uniform_(-0.1, 0.1)
            self.bn.running_var.uniform_(0.1, 0.3)

    def forward(self, images: Tensor) -> Tensor:
        features = nn.functional.adaptive_avg_pool2d(torch.tanh(self.bn(self.conv(images))), 4)
        logits: Tensor = self.gain * self.linear(self.dropout(features.flatten(1)))
        return logits


def digits(n: int | None = None) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The first test images of the digits: uint8 (N, 32, 32, 3), and their labels."""
    data = open_data("digits")
    positions = np.arange(len(data.labels) if n is None else n)
    return data.images(positions).permute(0, 2, 3, 1).numpy(), data.labels[positions]


def pictures(n: int = 12) -> list[tuple[Image.Image, int]]:
    """The same as images of Pillow."""
    images, labels = digits(n)
    return [(Image.fromarray(image), int(label)) for image, label in zip(images, labels, strict=True)]


def arrays(results: Results) -> dict[str, dict[str, np.ndarray]]:
    """What is stored of each image, by condition."""
    store = CellStore(results.runs[0])
    return {cell.condition["name"]: store.examples(cell).arrays() for cell in store.cells()}


def same(one: dict[str, dict[str, np.ndarray]], other: dict[str, dict[str, np.ndarray]]) -> bool:
    """Whether two runs stored the same, to the bit."""
    return one.keys() == other.keys() and all(
        one[condition].keys() == other[condition].keys()
        and all(np.array_equal(one[condition][name], other[condition][name]) for name in one[condition])
        for condition in one
    )
