"""SmallCNN of TRADES for MNIST, as ``arch=py:trades_mnist:SmallCNN``: its published weights name their layers so.

Source: Zhang et al., "Theoretically principled trade-off between robustness and accuracy" (ICML 2019), section 5.

Differences: a batch that has been read as colour, with grey images as three equal channels, is averaged over its
channels first. An Linf budget stays what it is: moving all three channels by eps moves their mean by eps, and nothing
moves it further. An L2 budget does not: the three channels share it, so that the mean moves by eps over the root of 3.
"""

from collections import OrderedDict

from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Four convolutions of 3x3 without padding, two poolings, three linear layers; for images of 28x28 in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (inputs, outputs) in enumerate(((1, 32), (32, 32), (32, 64), (64, 64)), 1):
            layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, 3)
            layers[f"relu{number}"] = nn.ReLU()
            if number % 2 == 0:
                layers[f"maxpool{number // 2}"] = nn.MaxPool2d(2)
        self.feature_extractor = nn.Sequential(layers)
        head = OrderedDict(fc1=nn.Linear(1024, 200), relu1=nn.ReLU(), drop=nn.Dropout(0.5))
        head.update(fc2=nn.Linear(200, 200), relu2=nn.ReLU(), fc3=nn.Linear(200, 10))
        self.classifier = nn.Sequential(head)

    def forward(self, images: Tensor) -> Tensor:
        """Map images, float32 (n, 1 or 3, 28, 28), to logits (n, 10)."""
        return self.classifier(self.feature_extractor(images.mean(1, keepdim=True)).flatten(1))
