"""An architecture: a function, here a class, that takes the number of classes and returns a network."""

from torch import Tensor, nn


class TinyCnn(nn.Module):
    """Two convolutions, a mean over the image, and a matrix; takes normalised images (N, 3, H, W) of any size."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.linear = nn.Linear(16, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes)."""
        features = self.second(self.first(images).relu()).relu().mean((2, 3))
        logits: Tensor = self.linear(features)
        return logits
