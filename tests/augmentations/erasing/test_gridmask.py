import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations.erasing.gridmask import GridMask
from robustsweep.augmentations.method import Step
from robustsweep.draws import Draws


def first_logit(logits: Tensor, targets: Tensor) -> Tensor:
    return logits[:, 0]


def drawn(n: int) -> Tensor:
    return GridMask().sample(Draws(0, "augmentation/0", torch.arange(n)))


def slow_mask(period: int, ratio: float, offsets: tuple[int, int], height: int, width: int) -> Tensor:
    stripe = math.ceil(round(period * ratio, 6))
    kept = torch.zeros(height, width, dtype=torch.bool)
    for i in range(height):
        for j in range(width):
            in_row = (i - height // 2 - offsets[0]) % period < stripe
            kept[i, j] = in_row or (j - width // 2 - offsets[1]) % period < stripe
    return kept


@pytest.mark.parametrize("delete", ["squares", "stripes"])
def test_an_unturned_grid_is_that_of_a_loop_over_its_stripes(delete: str) -> None:
    method = build(delete=delete, rotation=False)
    sample = drawn(20)
    found = method.kept(sample, 20, 32)
    for row, mask in zip(sample.tolist(), found, strict=True):
        period = 9 + int(row[1] * 11)  # of 0.43 and 1 times 20 pixels
        wanted = slow_mask(period, 0.6, (int(row[2] * period), int(row[3] * period)), 20, 32)
        assert torch.equal(mask[0], wanted if delete == "squares" else ~wanted)


def build(**changes: object) -> GridMask:
    return replace(GridMask(), **changes)


def test_a_quarter_turn_takes_the_grid_about_a_pixel() -> None:
    sample = drawn(10)
    sample[:, 4] = 90.5 / 360
    turned, plain = GridMask().kept(sample, 33, 33), build(rotation=False).kept(sample, 33, 33)
    assert torch.equal(turned, plain.rot90(1, (2, 3))) or torch.equal(turned, plain.rot90(-1, (2, 3)))


def test_the_share_that_is_kept_is_that_of_the_stripes() -> None:
    kept = GridMask().kept(drawn(2_000), 32, 32).double().mean((1, 2, 3))
    assert float(kept.mean()) == pytest.approx(1 - 0.4**2, abs=0.025)  # widths of stripes are rounded up
    kept = build(period_low=0.4286).kept(drawn(100), 224, 224).double().mean((1, 2, 3))
    assert float(kept.mean()) == pytest.approx(0.84, abs=0.01)
    assert GridMask(ratio=1.0).kept(drawn(50), 20, 32).all()
    assert not GridMask(ratio=1.0, delete="stripes").kept(drawn(50), 20, 32).any()


def test_apply_hides_with_the_full_chance_and_keeps_labels() -> None:
    images, targets, sample = torch.ones(2_000, 1, 16, 16), torch.ones(2_000, 2), drawn(2_000)
    hidden, kept = GridMask().apply(images, targets, sample)
    assert set(hidden.unique().tolist()) == {0.0, 1.0}
    assert float((hidden == 0).flatten(1).any(1).double().mean()) == pytest.approx(0.8, abs=0.04)
    assert torch.equal(kept, targets)


@pytest.mark.parametrize(("progress", "chance"), [(0.0, 0.0), (0.4, 0.4), (0.8, 0.8), (0.99, 0.8)])
def test_the_chance_rises_with_the_training(progress: float, chance: float) -> None:
    seen: list[Tensor] = []

    class Watching(torch.nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return images.mean((2, 3))

    sample = drawn(2_000)
    given = Step(
        Watching(),
        torch.ones(2_000, 2, 8, 8),
        torch.ones(2_000, 2),
        sample,
        first_logit,
        progress,
    )
    GridMask().loss(given)
    (images,) = seen
    assert float((images == 0).flatten(1).any(1).double().mean()) == pytest.approx(chance, abs=0.04)
