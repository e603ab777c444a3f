import torch
from torch import Tensor, nn


class RowwiseNet(nn.Module):
    """One hidden layer whose sums run per image, so that the batch does not change an image's logits."""

    def __init__(self, pixels: int, classes: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.randn(hidden, pixels, generator=generator))
        self.outer = nn.Parameter(torch.randn(classes, hidden, generator=generator))

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1) - 0.5
        hidden = (pixels.unsqueeze(1) * self.inner).sum(-1).relu()
        return (hidden.unsqueeze(1) * self.outer).sum(-1)


class Linear(nn.Module):
    """Logits linear in the pixels, summed per image."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, images: Tensor) -> Tensor:
        return (images.flatten(1).unsqueeze(1) * self.weight).sum(-1) + self.bias
