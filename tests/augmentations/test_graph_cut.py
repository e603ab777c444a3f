import itertools

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations.parts.graph_cut import UNITS, cheapest_levels


def cost(unary: Tensor, down: Tensor, right: Tensor, levels: Tensor) -> Tensor:
    """Sum a labelling's costs; shapes as in ``cheapest_levels``."""
    own = unary.gather(1, levels[:, None]).sum((1, 2, 3))
    vertical = (down * (levels[:, 1:] - levels[:, :-1]) ** 2).sum((1, 2))
    return own + vertical + (right * (levels[:, :, 1:] - levels[:, :, :-1]) ** 2).sum((1, 2))


def grids(n: int, height: int, width: int, smoothness: float) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    unary = torch.randn(n, 3, height, width, generator=generator, dtype=torch.float64)
    down = smoothness * torch.rand(n, height - 1, width, generator=generator, dtype=torch.float64)
    right = smoothness * torch.rand(n, height, width - 1, generator=generator, dtype=torch.float64)
    return unary / (height * width), down / (height * width), right / (height * width)


@pytest.mark.parametrize("smoothness", [0.0, 0.3, 1.5])
@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 3), (3, 2)])
def test_no_labelling_is_cheaper(height: int, width: int, smoothness: float) -> None:
    unary, down, right = grids(300, height, width, smoothness)
    found = cost(unary, down, right, cheapest_levels(unary, down, right))
    least = torch.full_like(found, torch.inf)
    for levels in itertools.product(range(3), repeat=height * width):
        grid = torch.tensor(levels).view(1, height, width).expand(300, -1, -1)
        least = torch.minimum(least, cost(unary, down, right, grid))
    assert (found - least).abs().max() < 20 / UNITS


def test_grids_do_not_depend_on_each_other() -> None:
    given = grids(300, 4, 4, 0.5)
    together = cheapest_levels(*given)
    for i in (0, 255, 256, 299):
        assert torch.equal(cheapest_levels(*(part[i : i + 1] for part in given))[0], together[i])
    assert together.unique().tolist() == [0, 1, 2]


def test_heavy_smoothness_gives_one_level() -> None:
    unary, _, _ = grids(20, 8, 8, 0.0)
    levels = cheapest_levels(unary, torch.ones(20, 7, 8), torch.ones(20, 8, 7)).flatten(1)
    assert torch.equal(levels, levels[:, :1].expand(-1, 64))
    assert torch.equal(levels[:, 0], unary.sum((2, 3)).argmin(1))
