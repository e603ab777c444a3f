import math
from typing import Any

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations.mixes.cutmix import CutMix
from robustsweep.augmentations.mixes.mixing import MaskMethod
from robustsweep.augmentations.mixes.smoothmix_c import SmoothMixC
from robustsweep.augmentations.mixes.smoothmix_s import SmoothMixS
from robustsweep.draws import Draws


def shapes(method: MaskMethod, n: int) -> Tensor:
    return method.sample_shape(Draws(0, "augmentation/0", torch.arange(n)))


def own_weight(method: MaskMethod, n: int, side: int = 32) -> Tensor:
    return torch.cat([method.mask(rows, side, side).double().mean((1, 2, 3)) for rows in shapes(method, n).split(200)])


def one_window(method: SmoothMixS, sigma: float, centre: float, n_pixels: int) -> list[float]:
    """Return the square's weight along a row through its centre, in hundredths."""
    mask = method.mask(torch.tensor([[sigma, 0.5, centre]], dtype=torch.float64), n_pixels, n_pixels)
    return (100 * (1 - mask[0, 0, n_pixels // 2])).round().tolist()


def test_cutmix_weights_have_the_mean_that_clipping_gives() -> None:
    assert 0.68 < own_weight(CutMix(), 20_000).mean() < 0.72


def test_cutmix_pastes_whole_boxes() -> None:
    mask = CutMix().mask(shapes(CutMix(), 500), 32, 32)
    assert ((mask == 0) | (mask == 1)).all()
    assert ((1 - mask).sum((2, 3)) == (1 - mask).amax(2).sum(2) * (1 - mask).amax(3).sum(2)).all()


@pytest.mark.parametrize("side", [32, 64])
def test_the_mass_of_smoothmix_c_is_the_integral_of_its_bell(side: int) -> None:
    method = SmoothMixC()
    drawn = shapes(method, 500)
    mass = 1 - method.mask(drawn, side, side).double().mean((1, 2, 3))

    def integral(sigma: float, centre: float) -> float:
        middle = (math.floor(centre * side) + 0.5) / side
        root = sigma * math.sqrt(2)
        return sigma * math.sqrt(math.pi / 2) * (math.erf((1 - middle) / root) + math.erf(middle / root))

    expected = [integral(sy, cy) * integral(sx, cx) for sy, sx, cy, cx in drawn.tolist()]
    assert torch.allclose(mass, torch.tensor(expected, dtype=torch.float64), atol=1e-3, rtol=0)


def test_smoothmix_c_peaks_at_one_and_has_no_edge() -> None:
    bell = 1 - SmoothMixC().mask(shapes(SmoothMixC(), 200), 32, 32)
    assert (bell.amax((1, 2, 3)) == 1).all()
    # The steepest slope of a bell is exp(-1/2) / sigma, and sigma is at least a quarter of the side.
    assert bell.diff(dim=2).abs().max() <= math.exp(-0.5) / 8
    assert bell.diff(dim=3).abs().max() <= math.exp(-0.5) / 8


@pytest.mark.parametrize(
    ("method", "side", "mean"),
    [
        # Masses of independent simulations of the same masks. With a ramp they counted one pixel more at the far edges,
        # which shows at 32 pixels and not at 224.
        (SmoothMixC(), 32, 0.42),
        (SmoothMixS(size_law="cutmix", border_ratio=0.0), 32, 0.30),
        (SmoothMixS(size_law="cutmix", border_ratio=0.1), 224, 0.34),
        (SmoothMixS(size_law="cutmix", border_ratio=0.2), 224, 0.37),
    ],
)
def test_mean_masses_agree_with_independent_simulations(method: MaskMethod, side: int, mean: float) -> None:
    n = 6000 if side == 32 else 1500
    assert float(1 - own_weight(method, n, side).mean()) == pytest.approx(mean, abs=0.012)


@pytest.mark.parametrize("size", [(32, 32), (20, 33), (64, 64)])
@pytest.mark.parametrize("position", ["outside", "inside", "centre"])
@pytest.mark.parametrize("reference", ["half_side", "side"])
def test_without_a_ramp_smoothmix_s_is_cutmix_bit_for_bit(size: tuple[int, int], position: Any, reference: Any) -> None:
    square = SmoothMixS(border_ratio=0.0, border_position=position, border_reference=reference, size_law="cutmix")
    drawn = shapes(square, 400)
    # Below two pixels CutMix pastes nothing while SmoothMix-S keeps its smallest square.
    drawn = drawn[(1 - drawn[:, 0]).sqrt() * min(size) >= 2]
    assert torch.equal(square.mask(drawn, *size), CutMix().mask(drawn, *size))


def test_a_ramp_lies_where_it_is_asked_for() -> None:
    # The square covers pixels 6 to 13 of 20: half side 4, and k = 1 gives a ramp of 4 pixels, or 8 of the side.
    hard = [0] * 6 + [100] * 8 + [0] * 6
    outside = [0, 0, 0, 25, 50, 75] + [100] * 8 + [75, 50, 25, 0, 0, 0]
    inside = [0] * 6 + [25, 50, 75, 100, 100, 75, 50, 25] + [0] * 6
    centre = [0] * 4 + [12, 38, 62, 88] + [100] * 4 + [88, 62, 38, 12] + [0] * 4
    assert one_window(SmoothMixS(border_ratio=0.0), 0.4, 0.5, 20) == hard
    assert one_window(SmoothMixS(border_ratio=1.0), 0.4, 0.5, 20) == outside
    assert one_window(SmoothMixS(border_ratio=0.5, border_reference="side"), 0.4, 0.5, 20) == outside
    assert one_window(SmoothMixS(border_ratio=1.0, border_position="inside"), 0.4, 0.5, 20) == inside
    assert one_window(SmoothMixS(border_ratio=1.0, border_position="centre"), 0.4, 0.5, 20) == centre


def test_the_border_clips_the_square_and_not_its_ramp() -> None:
    # Centre pixel 1: pixels -3 to 4, of which 0 to 4 are seen.
    assert one_window(SmoothMixS(border_ratio=1.0), 0.4, 0.05, 20) == [100] * 5 + [75, 50, 25] + [0] * 12
    inside = SmoothMixS(border_ratio=0.5, border_position="inside")
    assert one_window(inside, 0.4, 0.05, 20) == [100] * 4 + [50] + [0] * 15


def test_the_steepest_step_is_that_of_the_ramp() -> None:
    method = SmoothMixS(border_ratio=0.8)
    drawn = shapes(method, 500)
    square = 1 - method.mask(drawn, 64, 64)
    ramp = 0.8 * ((drawn[:, 0] * 64).long().clamp_min(2) // 2)
    steepest = (1 / ramp).clamp_max(1.0).float() + 1e-6
    assert (square.diff(dim=2).abs().amax((1, 2, 3)) <= steepest).all()
    assert (square.diff(dim=3).abs().amax((1, 2, 3)) <= steepest).all()


def test_sides_of_smoothmix_s_are_uniform() -> None:
    drawn = shapes(SmoothMixS(), 20_000)
    sides = (drawn[:, 0] * 32).long()
    counts = torch.bincount(sides, minlength=32).double()
    assert float(((counts - 625) ** 2 / 625).sum()) < 61.1  # chi-square, 31 degrees of freedom, 0.1%


@pytest.mark.parametrize("method", [SmoothMixC(axes="shared"), SmoothMixS(sides="shared")], ids=["C", "S"])
def test_a_shared_size_gives_masks_that_turn_with_their_centre(method: MaskMethod) -> None:
    drawn = shapes(method, 100)
    swapped = drawn.clone()
    swapped[:, -2:] = drawn[:, -2:].flip(1)
    assert torch.allclose(method.mask(drawn, 24, 24).mT, method.mask(swapped, 24, 24))
    other = SmoothMixC() if isinstance(method, SmoothMixC) else SmoothMixS(sides="separate")
    drawn = shapes(other, 100)
    swapped = drawn.clone()
    place = slice(2, 4) if isinstance(other, SmoothMixC) else slice(1, 3)
    swapped[:, place] = drawn[:, place].flip(1)
    assert not torch.allclose(other.mask(drawn, 24, 24).mT, other.mask(swapped, 24, 24), atol=0.1)


def test_a_circle_takes_the_first_deviation_and_changes_no_draw() -> None:
    assert torch.equal(shapes(SmoothMixC(axes="shared"), 50), shapes(SmoothMixC(), 50))
    drawn = shapes(SmoothMixC(), 50)
    same = drawn.clone()
    same[:, 1] = drawn[:, 0]
    assert torch.equal(SmoothMixC(axes="shared").mask(drawn, 20, 32), SmoothMixC().mask(same, 20, 32))
    assert float(1 - own_weight(SmoothMixC(axes="shared"), 4000).mean()) == pytest.approx(0.429, abs=0.008)


@pytest.mark.parametrize("law", ["uniform", "cutmix"])
def test_a_rectangle_appends_its_width_to_the_draws_of_the_square(law: Any) -> None:
    square, rectangle = SmoothMixS(size_law=law), SmoothMixS(size_law=law, sides="separate")
    drawn = shapes(rectangle, 200)
    assert torch.equal(drawn[:, :3], shapes(square, 200))
    across = drawn[:, [3, 1, 2]]
    rows, columns = (1 - square.mask(each, 32, 32) for each in (drawn[:, :3], across))
    # The height's profile is that of one square and the width's of the other.
    wanted = rows.amax(3, keepdim=True) * columns.amax(2, keepdim=True)
    assert torch.allclose(1 - rectangle.mask(drawn, 32, 32), wanted, atol=1e-6)


def test_the_mass_of_a_rectangle_is_the_square_of_a_profiles_mean() -> None:
    """Its sides and centres are independent; a square's are not, which makes it larger."""
    rectangle = own_weight(SmoothMixS(sides="separate"), 8000)
    shared = own_weight(SmoothMixS(), 8000)
    assert float(1 - rectangle.mean()) == pytest.approx(0.171, abs=0.008)
    assert float(1 - shared.mean()) == pytest.approx(0.221, abs=0.009)
    drawn = shapes(SmoothMixS(sides="separate"), 8000)
    profile = (1 - SmoothMixS().mask(drawn[:, [0, 1, 2]], 32, 32)).amax(3)[:, 0].double().mean()
    assert float(1 - rectangle.mean()) == pytest.approx(float(profile) ** 2, abs=0.006)
    hard = SmoothMixS(sides="separate", border_ratio=0).mask(drawn[:200], 32, 32)
    assert set(hard.unique().tolist()) == {0, 1}
