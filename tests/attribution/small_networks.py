"""Networks whose maps can be worked out by hand, and one image batch for all tests."""

import torch
from torch import Tensor, nn


def batch(n: int = 3, side: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, side, side, generator=generator), torch.arange(n) % 4


class PooledHead(nn.Module):
    """Convolutions without stride, ReLU, the mean, and a linear layer."""

    def __init__(self, *, inplace: bool = False, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 5, 3, padding=1)
            self.head = nn.Linear(5, 4)
        self.head.weight.data *= 300  # the mean over 256 pixels leaves maps of about 1
        self.relu = nn.ReLU(inplace=inplace)

    def features(self, images: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(images))))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).mean((2, 3)))


def linear(side: int = 16) -> nn.Sequential:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * side * side, 4))
    nn.init.normal_(network[1].weight, generator=torch.Generator().manual_seed(1))
    return network.eval()


def other_head() -> PooledHead:
    return PooledHead(seed=1)


class Broken(PooledHead):
    """Fails where it is asked for a gradient."""

    def forward(self, images: Tensor) -> Tensor:
        if images.requires_grad:
            raise ValueError("it fails")
        return super().forward(images)
