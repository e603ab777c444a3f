"""One training step of a small network, for the tests of methods that need one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.augmentations.method import Method, Step
from robustsweep.augmentations.network_method import GuidedMethod
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.draws import Draws

N, CLASSES, SIDE = 23, 5, 32


def drawn(n: int = N, seed: int = 0) -> Draws:
    return Draws(seed, "augmentation/0", torch.arange(n) * 977)


def criterion(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets, reduction="none")


def network(architecture: str = "resnet8") -> nn.Module:
    return build_architecture(architecture, CLASSES).train()


def step(method: Method, n: int = N, *, net: nn.Module | None = None, seed: int = 0, progress: float = 0.5) -> Step:
    generator = torch.Generator().manual_seed(3)
    images = F.avg_pool2d(torch.randn(n, 3, SIDE + 4, SIDE + 4, generator=generator), 5, 1) * 4
    targets = torch.eye(CLASSES)[torch.randint(CLASSES, (n,), generator=generator)]
    return Step(net or network(), images, targets, method.sample(drawn(n, seed)), criterion, progress)


def with_peaks(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give images gradients with strong and weak places, as a trained network has and a random one has not."""

    def gradient(step: Step) -> Tensor:
        noise = torch.randn(len(step.images), 3, 4, 4, generator=torch.Generator().manual_seed(5))
        return F.interpolate(noise.exp(), size=SIDE)

    if isinstance(method, GuidedMethod):
        for module in ("network_method", "mixes.saliency.sage", "mixes.saliency.puzzlemix"):
            monkeypatch.setattr(f"robustsweep.augmentations.{module}.input_gradient", gradient)
