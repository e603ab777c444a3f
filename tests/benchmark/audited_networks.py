"""A small network that is trained in a moment, and ways to break it."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints import Card, Checkpoint
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.digits import open_digits

NORM = NORMALISATIONS["imagenet"]


def tinted(images: Tensor) -> Tensor:
    """Give the grey digits a colour, so that they pass for photos; uint8 (n, 3, H, W)."""
    tint = torch.tensor([255, 200, 150]).view(1, 3, 1, 1)
    return (images * tint // 255).to(torch.uint8)


def architecture() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


@cache
def trained_weights() -> dict[str, Tensor]:
    """Train on the digits for a few epochs, the images normalised outside.

    So gently that PGD-10 at 8/255 leaves nearly nothing; where it leaves more, rounding decides whether it converged.
    """
    data = open_digits("train")
    images = Normalised(nn.Identity(), NORM)(data.images(np.arange(len(data))) / 255.0)
    labels = torch.from_numpy(data.labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = architecture()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
    generator = torch.Generator().manual_seed(2)
    for _ in range(6):
        for rows in torch.split(torch.randperm(len(images), generator=generator), 128):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimiser.step()
    return network.state_dict()


def trained() -> nn.Module:
    """The trained network, which expects normalised images."""
    network = architecture()
    network.load_state_dict(trained_weights())
    return network


def healthy() -> nn.Module:
    return Normalised(trained(), NORM)


def checkpoint(name: str, build: Callable[[], nn.Module] = healthy) -> Checkpoint:
    card = Card(architecture="py:audited_networks:architecture", classes=10, normalisation=NORM)

    def load() -> nn.Module:
        return build().eval().requires_grad_(False)

    return Checkpoint(name=name, card=card, identity={"weights": name}, load=load, load_network=load)


def digits() -> Dataset:
    return open_digits("test")


class After(nn.Module):
    """Changes a network's logits."""

    def __init__(self, network: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.change = network, change

    def forward(self, images: Tensor) -> Tensor:
        return self.change(self.network(images))


class Before(After):
    """Changes a network's inputs."""

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self.change(images))
        return logits


BROKEN: dict[str, Callable[[], nn.Module]] = {
    "twice": lambda: Normalised(Normalised(trained(), NORM), NORM),
    "never": lambda: Normalised(trained(), NORMALISATIONS["none"]),
    "softmax": lambda: After(healthy(), lambda logits: logits.softmax(1)),
    "scaled": lambda: After(healthy(), lambda logits: 1e4 * logits),
    "quantised": lambda: Before(healthy(), lambda images: (images * 16).round() / 16),
    "noisy": lambda: Before(healthy(), lambda images: images + 0.1 * torch.randn_like(images)),
    "neighbours": lambda: Before(healthy(), lambda images: images - images.mean(0, keepdim=True)),
    "rooted": lambda: Before(healthy(), lambda images: images + (0 * images).sqrt()),  # its derivative is NaN
    "watching": lambda: Before(healthy(), lambda images: images * (0.5 if torch.is_grad_enabled() else 1.0)),
}
