import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustsweep.augmentations import build_method
from robustsweep.augmentations.choice import Choice, RandoMix
from robustsweep.augmentations.method import Method, Step
from robustsweep.draws import Draws

OPERATIONS: list[dict[str, Any]] = [{"method": "mixup", "alpha": 0.5}, {"method": "cutout"}, {"method": "cutmix"}]


def drawn(n: int, seed: int = 0) -> Draws:
    return Draws(seed, "augmentation/0", torch.arange(n))


def batch(n: int = 12) -> tuple[Tensor, Tensor]:
    return torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.eye(n)


def parts(method: Choice, sample: Tensor) -> list[tuple[Method, Tensor]]:
    """Each operation with its share of the columns, which the draws lay one after another."""
    found, start = [], 1
    for operation in method.operations:
        built = build_method(operation["method"], **{k: v for k, v in operation.items() if k != "method"})
        width = built.sample(drawn(1)).shape[1]
        found.append((built, sample[:, start : start + width]))
        start += width
    assert start == sample.shape[1]
    return found


def test_a_batch_is_that_of_the_operation_which_its_first_image_draws() -> None:
    method = Choice(OPERATIONS, (1, 2, 1))
    images, targets = batch()
    seen = set()
    for seed in range(20):
        sample = method.sample(drawn(12, seed))
        number = int((sample[0, 0] * 4 >= torch.tensor([1, 3])).sum())
        operation, columns = parts(method, sample)[number]
        wanted = operation.apply(images, targets, columns)
        found = method.apply(images, targets, sample)
        assert torch.equal(found[0], wanted[0])
        assert torch.equal(found[1], wanted[1])
        seen.add(number)
    assert seen == {0, 1, 2}


def test_images_that_draw_for_themselves_mix_with_those_of_the_same_operation() -> None:
    method = Choice(OPERATIONS, per_sample=True)
    images, targets = batch(24)
    sample = method.sample(drawn(24))
    found = method.apply(images, targets, sample)
    chosen = (sample[:, 0] * 3).long()
    for number, (operation, columns) in enumerate(parts(method, sample)):
        rows = chosen == number
        assert rows.sum() > 2
        wanted = operation.apply(images[rows], targets[rows], columns[rows])
        assert torch.equal(found[0][rows], wanted[0])
        assert torch.equal(found[1][rows], wanted[1])


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (3, 1, 0, 2)])
def test_operations_are_drawn_as_often_as_they_weigh(weights: tuple[int, ...]) -> None:
    method = RandoMix(weights=weights)
    sample = method.sample(drawn(3000))
    counts = torch.bincount(method._chosen(sample), minlength=4).double()
    expected = 3000 * torch.tensor(weights, dtype=torch.float64) / sum(weights)
    assert (counts[expected == 0] == 0).all()
    kept = expected > 0
    assert float(((counts - expected)[kept] ** 2 / expected[kept]).sum()) < 16.3  # chi-square, 3 degrees, 0.1%


def test_the_numbers_zero_and_nearly_one_draw_operations_that_weigh_something() -> None:
    method = RandoMix(weights=(0, 1, 1, 0))
    sample = method.sample(drawn(2))
    sample[:, 0] = torch.tensor([0.0, 1 - 2.0**-32], dtype=torch.float64)
    assert method._chosen(sample).tolist() == [1, 2]


def test_the_card_holds_every_parameter_of_every_operation_as_json() -> None:
    method = Choice(OPERATIONS)
    text = json.dumps(method.parameters())
    assert json.loads(text) == method.parameters()
    assert method.parameters()["weights"] == [1.0, 1.0, 1.0]
    assert method.parameters()["operations"][0] == {
        "method": "mixup",
        "probability": 1.0,
        "per_batch": False,
        "alpha": 0.5,
    }
    assert build_method("choice", **json.loads(text)) == method


def test_a_choice_can_hold_a_choice() -> None:
    inner = {"method": "randommix", "weights": [1, 1, 0, 0]}
    method = Choice([inner, {"method": "baseline"}], per_sample=True)
    images, targets = batch()
    mixed, weights = method.apply(images, targets, method.sample(drawn(12)))
    assert mixed.shape == images.shape
    assert torch.allclose(weights.sum(1), torch.ones(12))
    assert build_method("choice", **json.loads(json.dumps(method.parameters()))) == method


class Louder(Method):
    """Doubles pixels and the loss."""

    name = "louder"

    def sample(self, draws: Draws) -> Tensor:
        return draws.uniform(2)

    def pixels(self, images: Tensor, sample: Tensor) -> Tensor:
        assert sample.shape[1] == 2
        return images * 2

    def loss(self, step: Step) -> Tensor:
        return 2 * super().loss(step)

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        assert sample.shape[1] == 2
        return images, targets


@pytest.fixture
def louder(monkeypatch: pytest.MonkeyPatch) -> None:
    from robustsweep.augmentations.method import METHODS

    monkeypatch.setitem(METHODS._items, "louder", Louder)


@pytest.mark.usefixtures("louder")
def test_pixels_and_loss_are_those_of_the_batchs_operation() -> None:
    method = Choice([{"method": "mixup"}, {"method": "louder"}], weights=(0, 1))
    images, targets = torch.ones(4, 3, 8, 8, dtype=torch.uint8), torch.eye(4)
    sample = method.sample(drawn(4))
    assert torch.equal(method.pixels(images, sample), images * 2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))

    def criterion(logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, targets, reduction="none")

    step = Step(network, images.float(), targets, sample, criterion, 0.0)
    plain = criterion(network(images.float()), targets).mean()
    assert torch.allclose(method.loss(step), 2 * plain)


@pytest.mark.usefixtures("louder")
def test_a_method_with_a_loss_of_its_own_cannot_be_drawn_for_one_image() -> None:
    with pytest.raises(Exception, match="per_sample must be false with louder"):
        Choice([{"method": "louder"}], per_sample=True)


def test_a_step_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    methods = [Choice(OPERATIONS, per_sample=per_sample) for per_sample in (False, True)]
    samples = [method.sample(drawn(12)) for method in methods]

    def refuse(*_: object) -> Tensor:
        raise AssertionError("what an image draws is drawn before the step")

    monkeypatch.setattr(Draws, "uniform", refuse)
    for method, sample in zip(methods, samples, strict=True):
        method.apply(*batch(), sample)
