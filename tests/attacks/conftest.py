import pytest
import torch
from foreign_models import Normed
from small_models import Linear, RowwiseNet
from torch import Tensor

from robustsweep.attacks.adapters.foreign import FAMILIES, Family


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.fixture(params=[(48,), (3, 4, 4)], ids=["rank2", "rank4"])
def shape(request: pytest.FixtureRequest) -> tuple[int, ...]:
    return request.param


@pytest.fixture
def linear(generator: torch.Generator) -> Linear:
    """Two classes whose logits are opposite, and two that no image comes near."""
    direction = torch.randn(48, generator=generator)
    weight = torch.stack([direction, -direction, torch.zeros(48), torch.zeros(48)])
    bias = -0.5 * weight.sum(1)
    bias[2:] = torch.tensor([-30.0, -31.0])
    return Linear(weight, bias).eval()


@pytest.fixture
def net(generator: torch.Generator) -> RowwiseNet:
    return RowwiseNet(48, 4, 24, generator).eval()


@pytest.fixture
def images(generator: torch.Generator) -> Tensor:
    """Forty images that touch both ends of the box."""
    return (torch.rand(40, 3, 4, 4, generator=generator) * 1.2 - 0.1).clamp(0, 1)


@pytest.fixture
def labels(net: RowwiseNet, images: Tensor) -> Tensor:
    """The model's own answers, but for four images that it gets wrong."""
    labels = net(images).argmax(1)
    labels[::10] = (labels[::10] + 1) % 4
    return labels


@pytest.fixture
def ids() -> Tensor:
    return torch.arange(40) * 7919 - 100


@pytest.fixture
def model(generator):
    model = Normed(generator).eval()
    model.inactive.train()
    model.head.outer.requires_grad_(False)
    model.head.inner.grad = torch.full_like(model.head.inner, 0.25)
    return model


@pytest.fixture
def plant(monkeypatch):
    """Put another adapter in the place of torchattacks'."""

    def put(adapter):
        monkeypatch.setitem(FAMILIES, "torchattacks", Family("torchattacks", "torchattacks", adapter))

    return put


@pytest.fixture
def task(model, images, ids):
    labels = model(images).argmax(1)
    labels[::10] = (labels[::10] + 1) % 4
    return model, images, labels, ids
