import math
from typing import Any

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations.erasing.random_erasing import RandomErasing
from robustsweep.draws import Draws


def drawn(method: RandomErasing, n: int) -> Tensor:
    return method.sample(Draws(0, "augmentation/0", torch.arange(n)))


def boxes(method: RandomErasing, n: int, height: int = 32, width: int = 32) -> tuple[Tensor, Tensor]:
    """Heights and widths of rectangles; those that are none are left out."""
    holes = method.holes(drawn(method, n), height, width)[:, 0]
    rows, columns = holes.any(2), holes.any(1)
    # All of the bounding box is filled.
    assert torch.equal(holes, rows.unsqueeze(2) & columns.unsqueeze(1))
    for line in (rows, columns):
        assert ((line[:, 1:] != line[:, :-1]).sum(1) <= 2).all()
        assert not line.all(1).any()
    fired = holes.flatten(1).any(1)
    return rows.sum(1)[fired], columns.sum(1)[fired]


@pytest.mark.parametrize(
    ("high", "distribution", "share", "aspect"), [(0.33, "log", 0.174, 1.0), (0.4, "uniform", 0.202, 1.78)]
)
def test_shares_and_shapes_are_those_that_were_measured(
    high: float, distribution: Any, share: float, aspect: float
) -> None:
    heights, widths = boxes(RandomErasing(1.0, area_high=high, aspect_distribution=distribution), 20_000)
    assert len(heights) == 20_000
    area = heights * widths / 1024
    assert float(area.mean()) == pytest.approx(share, abs=0.004)
    assert float((heights / widths).median()) == pytest.approx(aspect, abs=0.06)
    # Both sides are rounded to whole pixels.
    assert float(area.min()) >= 0.012
    assert float(area.max()) <= high + 0.03


def test_the_chance_is_kept_and_sides_that_are_no_square_are_too() -> None:
    heights, widths = boxes(RandomErasing(0.3), 4_000, 20, 48)
    assert len(heights) == pytest.approx(0.3 * 4_000, abs=4 * math.sqrt(4_000 * 0.21))
    assert len(boxes(RandomErasing(0.0), 100)[0]) == 0


def test_the_first_attempt_that_fits_is_taken() -> None:
    method = RandomErasing(1.0, 1.0, 1.0)
    sample = drawn(method, 50)
    assert not method.holes(sample, 8, 8).any()  # as large as the image, whatever its shape
    method = RandomErasing(1.0, 0.0, 1.0)
    sample[:, 0], sample[:, 2:4] = 1 - 1e-12, torch.tensor([0.25, 0.5])
    holes = method.holes(sample, 32, 32)
    assert (holes.flatten(1).sum(1) == 256).all()


@pytest.mark.parametrize("fill", ["mean", "normal", "colour"])
def test_fills_are_as_named_and_all_else_is_unchanged(fill: Any) -> None:
    method = RandomErasing(1.0, 0.1, 0.4, fill=fill)
    images = torch.full((200, 3, 24, 24), 7.0)
    sample, targets = drawn(method, 200), torch.eye(200)
    filled, kept = method.apply(images, targets, sample)
    hole = method.holes(sample, 24, 24).expand_as(images)
    assert (filled[~hole] == 7).all()
    assert torch.equal(kept, targets)
    inside = filled[hole]
    if fill == "mean":
        assert (inside == 0).all()
    else:
        assert float(inside.mean()) == pytest.approx(0, abs=0.01 if fill == "normal" else 0.2)
        assert float(inside.std()) == pytest.approx(1, abs=0.01 if fill == "normal" else 0.15)
        distinct = [len(filled[i, 0][hole[i, 0]].unique()) for i in range(20)]
        assert all(n == 1 for n in distinct) == (fill == "colour")
    singles = [method.apply(images[i : i + 1], targets[i : i + 1], sample[i : i + 1])[0] for i in range(5)]
    assert torch.equal(torch.cat(singles), filled[:5])
