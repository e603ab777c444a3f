from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustsweep.augmentations import build_method
from robustsweep.augmentations.chain import Chain
from robustsweep.augmentations.choice import Choice
from robustsweep.augmentations.method import Method, Step
from robustsweep.draws import Draws

N = 12
BYTES = torch.randint(256, (N, 3, 16, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def drawn(method: Method) -> Tensor:
    return method.sample(Draws(0, "augmentation/0", torch.arange(N)))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, N))


def loss_of(method: Method, sample: Tensor) -> Tensor:
    """Take bytes through a whole step."""
    images = method.pixels(BYTES, sample) / 64 - 2

    def criterion(logits: Tensor, targets: Tensor) -> Tensor:
        return -(targets * logits.log_softmax(1)).sum(1)

    return method.loss(Step(network(), images, torch.eye(N), sample, criterion, 0.5))


@pytest.mark.parametrize(
    "name", ["trivialaugment", "cutmix", "augmix", "gridmask", "noise", "label_smoothing", "choice"]
)
def test_a_chain_of_one_is_that_method(name: str) -> None:
    method, chain = build_method(name), Chain([{"method": name}])
    sample = drawn(method)
    assert torch.equal(drawn(chain), sample)
    assert torch.equal(chain.pixels(BYTES, sample), method.pixels(BYTES, sample))
    images, targets = BYTES / 64 - 2, torch.eye(N)
    for found, wanted in zip(chain.apply(images, targets, sample), method.apply(images, targets, sample), strict=True):
        assert torch.equal(found, wanted)
    assert torch.equal(loss_of(chain, sample), loss_of(method, sample))


def test_pixels_and_then_normalised_images_pass_the_operations_in_order() -> None:
    operations = [{"method": "trivialaugment"}, {"method": "mixup"}, {"method": "noise"}, {"method": "cutout"}]
    chain = Chain(operations)
    sample = drawn(chain)
    methods = [build_method(each["method"]) for each in operations]
    assert chain.methods == methods
    assert [columns.stop - columns.start for _, columns in chain.parts] == [
        drawn(method).shape[1] for method in methods
    ]
    _, (mixup, second), _, (cutout, fourth) = chain.parts
    mixed = mixup.apply(BYTES.float(), torch.eye(N), sample[:, second])
    found = chain.apply(BYTES.float(), torch.eye(N), sample)
    assert torch.equal(found[0], cutout.apply(mixed[0], mixed[1], sample[:, fourth])[0])
    assert torch.equal(found[1], mixed[1])


def test_what_a_method_makes_of_pixels_is_rounded_for_the_next_one() -> None:
    policy, noise = (build_method(name) for name in ("trivialaugment", "noise"))
    chain = Chain([{"method": "trivialaugment"}, {"method": "noise"}])
    sample = drawn(chain)
    wanted = noise.pixels(policy.pixels(BYTES, sample[:, :3]), sample[:, 3:])
    assert torch.equal(chain.pixels(BYTES, sample), wanted)
    chain = Chain([{"method": "noise"}, {"method": "cutout"}, {"method": "trivialaugment"}])
    sample = drawn(chain)
    rounded = noise.pixels(BYTES, sample[:, :6]).round().to(torch.uint8)
    assert torch.equal(chain.pixels(BYTES, sample), policy.pixels(rounded, sample[:, 8:]))


def test_views_of_an_image_get_the_same_hole_before_the_loss_that_they_belong_to() -> None:
    chain = Chain([{"method": "augmix"}, {"method": "cutout"}])
    sample = drawn(chain)
    views = chain.pixels(BYTES, sample) / 64 - 2
    assert len(views) == 3 * N
    augmix, cutout = chain.methods
    hidden = torch.cat([cutout.apply(view, torch.eye(N), sample[:, -2:])[0] for view in views.split(N)])
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return images.mean((2, 3))

    def criterion(logits: Tensor, targets: Tensor) -> Tensor:
        return logits[:, 0]

    chain.loss(Step(Watching(), views, torch.eye(N), sample, criterion, 0.5))
    assert torch.equal(seen[0], hidden)
    assert augmix.name == "augmix"


def test_a_choice_may_draw_a_chain_for_single_images_where_its_methods_allow_it() -> None:
    def chosen(*names: str) -> Any:
        return Choice([{"method": "chain", "operations": [{"method": name} for name in names]}], per_sample=True)

    method = chosen("cutmix", "cutout")
    sample = drawn(method)
    chain = Chain([{"method": "cutmix"}, {"method": "cutout"}])
    images, targets = BYTES.float(), torch.eye(N)
    found, wanted = method.apply(images, targets, sample), chain.apply(images, targets, sample[:, 1:])
    assert torch.equal(found[0], wanted[0])
    assert torch.equal(found[1], wanted[1])
    with pytest.raises(Exception, match="per_sample must be false with chain"):
        chosen("noise", "cutout")
