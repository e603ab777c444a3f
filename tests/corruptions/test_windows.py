import math

import pytest
import torch
from torch import Tensor

from robustsweep.corruptions.edges import EDGES, profiles, side_in_pixels, window_masks
from robustsweep.corruptions.windows import (
    FILLINGS,
    FRACTIONS,
    blend,
    draw_noise,
    draw_partners,
    draw_places,
    mean_colour,
    paste_windows,
)
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError

SIZES = [(32, 32), (64, 64), (224, 224), (33, 50)]


def noise_images(n: int, height: int = 32, width: int = 32, seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (n, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def some_places(n: int, height: int, width: int, fraction: float) -> Tensor:
    return draw_places(Draws(0, "places", torch.arange(n)), height, width, fraction)


def pasted(edge: str, filling: str, fraction: float = 0.375, n: int = 40, seed: int = 0) -> Tensor:
    images, partners = noise_images(n), noise_images(n, seed=1)
    return paste_windows(images, edge, filling, fraction, seed=seed, ids=torch.arange(n), partners=partners)


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("n_pixels", [32, 33, 50, 64, 224])
@pytest.mark.parametrize("edge", EDGES)
def test_every_profile_at_every_place_sums_to_the_side_of_the_box(edge: str, n_pixels: int, fraction: float) -> None:
    side = side_in_pixels(n_pixels, fraction)
    table = profiles(n_pixels, side, edge).double()
    assert table.shape == (n_pixels - side + 1, n_pixels)
    assert torch.allclose(table.sum(1), torch.tensor(float(side), dtype=torch.float64), rtol=1e-6, atol=0)
    assert table.min() >= 0
    assert table.max() <= 1


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("size", SIZES)
def test_all_edges_of_a_place_have_the_mass_of_the_box(size: tuple[int, int], fraction: float) -> None:
    height, width = size
    last = (height - side_in_pixels(height, fraction), width - side_in_pixels(width, fraction))
    corners = torch.tensor([[0, 0], [0, last[1]], list(last)])
    places = torch.cat([some_places(20, height, width, fraction), corners])
    box = side_in_pixels(height, fraction) * side_in_pixels(width, fraction)
    for edge in EDGES:
        mass = window_masks(places, edge, height, width, fraction).double().sum((1, 2, 3))
        assert float((mass / box - 1).abs().max()) < 1e-6, edge


def test_the_mass_is_the_square_of_the_fraction_where_pixels_allow() -> None:
    for fraction in FRACTIONS:
        mask = window_masks(torch.tensor([[3, 5]]), "hard", 64, 32, fraction)
        assert float(mask.mean()) == fraction**2


def test_a_hard_mask_is_the_indicator_of_the_box() -> None:
    mask = window_masks(torch.tensor([[2, 7]]), "hard", 32, 40, 0.25)[0, 0]
    expected = torch.zeros(32, 40)
    expected[2:10, 7:17] = 1
    assert torch.equal(mask, expected)


def test_a_linear_edge_is_a_ramp_of_half_the_side_around_the_edge_of_the_box() -> None:
    # The box of 8 covers pixels 12 to 19; its middle lies at 15.5 and the ramp from 2 to 6 pixels off it.
    row = profiles(32, 8, "linear")[12]
    eighths = [1, 3, 5, 7, 8, 8, 8, 8, 7, 5, 3, 1]
    assert (8 * row[10:22]).tolist() == pytest.approx(eighths, abs=1e-5)
    assert row[:10].sum() == row[22:].sum() == 0


def test_a_gaussian_edge_is_the_bell_whose_integral_is_the_side() -> None:
    sigma = 16 / math.sqrt(2 * math.pi)
    offset = torch.arange(64, dtype=torch.float64) - 31.5
    bell = torch.exp(-(offset**2) / (2 * sigma**2))
    # The border of 64 pixels cuts less than 1e-6 of it.
    assert torch.allclose(profiles(64, 16, "gauss")[24].double(), bell, atol=1e-5)


@pytest.mark.parametrize("edge", ["linear", "gauss"])
def test_soft_masks_mirror_where_places_mirror_and_step_less_than_hard_ones(edge: str) -> None:
    table = profiles(32, 12, edge)
    assert torch.allclose(table, table.flip(0, 1), atol=1e-6)
    assert float(table.diff(dim=1).abs().max()) < 0.2


def test_boxes_lie_inside_and_reach_every_place() -> None:
    places = some_places(5000, 32, 48, 0.5)
    assert places.amin(0).tolist() == [0, 0]
    assert places.amax(0).tolist() == [16, 24]
    counts = torch.bincount(places[:, 0], minlength=17)
    assert float(counts.min()) > 0.7 * 5000 / 17


@pytest.mark.parametrize("edge", EDGES)
def test_white_on_black_has_the_mask_for_pixels_and_its_mass_for_a_mean(edge: str) -> None:
    masks = window_masks(some_places(30, 32, 32, 0.375), edge, 32, 32, 0.375)
    white = blend(torch.zeros(30, 3, 32, 32), torch.ones(30, 3, 1, 1), masks)
    assert torch.equal(white, masks.expand(-1, 3, -1, -1))
    assert white.double().mean((1, 2, 3)).tolist() == pytest.approx([0.375**2] * 30, rel=1e-6)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("filling", ["image", "mean"])
def test_a_patch_of_the_images_own_colour_changes_no_level(edge: str, filling: str) -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 32, 32).contiguous()
    ids = torch.arange(256)
    assert torch.equal(paste_windows(levels, edge, filling, 0.5, seed=0, ids=ids, partners=levels), levels)


def test_the_partner_shows_at_the_same_pixels_and_nothing_else_changes() -> None:
    images, partners = noise_images(20), noise_images(20, seed=1)
    ids = torch.arange(20)
    out = paste_windows(images, "hard", "image", 0.25, seed=3, ids=ids, partners=partners)
    masks = window_masks(draw_places(Draws(3, "window/image@0.25", ids), 32, 32, 0.25), "hard", 32, 32, 0.25)
    assert torch.equal(out, torch.where(masks == 1, partners, images))


def test_the_mean_colour_is_each_channels_own() -> None:
    images = noise_images(3)
    out = paste_windows(images, "hard", "mean", 0.5, seed=0, ids=torch.arange(3))
    for image, result in zip(images, out, strict=True):
        changed = (image != result).any(0)
        # Truncated to whole levels, like every generated image.
        expected = image.double().mean((1, 2)).floor()
        assert torch.equal(result[:, changed].double(), expected.unsqueeze(1).expand(-1, int(changed.sum())))
    assert torch.allclose(mean_colour(images)[:, :, 0, 0].double(), images.double().mean((2, 3)), atol=1e-4)


def test_noise_is_uniform_over_the_grey_levels_of_each_colour_value() -> None:
    levels = draw_noise(Draws(0, "noise", torch.arange(30)), 3, 32, 32).long()
    counts = torch.bincount(levels.flatten(), minlength=256)
    assert len(counts) == 256
    assert float(((counts - counts.sum() / 256) ** 2 / (counts.sum() / 256)).sum()) < 350  # chi-square, 255 degrees
    assert float((levels[:, 0] == levels[:, 1]).double().mean()) < 0.01


@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.parametrize("fraction", FRACTIONS)
def test_edges_share_places_and_patches(filling: str, fraction: float) -> None:
    hard, linear, gauss = (pasted(edge, filling, fraction) for edge in EDGES)
    images = noise_images(40)
    # In the middle of the box a ramp is 1: pixels there are the hard patch's own.
    masks = {}
    places = draw_places(Draws(0, f"window/{filling}@{fraction:g}", torch.arange(40)), 32, 32, fraction)
    for edge in EDGES:
        masks[edge] = window_masks(places, edge, 32, 32, fraction).expand(-1, 3, -1, -1)
    assert torch.equal(images[masks["hard"] == 0], hard[masks["hard"] == 0])
    core = masks["linear"] == 1
    assert int(core.sum()) > 0
    assert torch.equal(linear[core], hard[core])
    # A Gaussian peak between pixels stays a little below 1.
    core = masks["gauss"] > 0.95
    assert int((gauss[core].int() - hard[core].int()).abs().max()) <= 0.05 * 255 + 1


@pytest.mark.parametrize("filling", FILLINGS)
def test_edges_fillings_fractions_seeds_and_ids_make_different_pixels(filling: str) -> None:
    reference = pasted("hard", filling)
    assert not torch.equal(pasted("linear", filling), reference)
    assert not torch.equal(pasted("gauss", filling), reference)
    assert not torch.equal(pasted("hard", filling, 0.25), reference)
    assert not torch.equal(pasted("hard", filling, seed=1), reference)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("filling", FILLINGS)
def test_a_batch_equals_its_singles_in_any_order(edge: str, filling: str) -> None:
    images, partners, ids = noise_images(7, 40, 33), noise_images(7, 40, 33, 1), torch.arange(7) * 10**15 - 3

    def paste(rows: list[int]) -> Tensor:
        return paste_windows(images[rows], edge, filling, 0.25, seed=5, ids=ids[rows], partners=partners[rows])

    together = paste(list(range(7)))
    assert torch.equal(together, torch.cat([paste([row]) for row in range(7)]))
    assert torch.equal(together[[6, 2, 4]], paste([6, 2, 4]))


def test_passes_of_large_images_make_no_difference() -> None:
    images = noise_images(9, 224, 224)
    ids = torch.arange(9)
    together = paste_windows(images, "gauss", "noise", 0.5, seed=0, ids=ids)
    assert torch.equal(together[8:], paste_windows(images[8:], "gauss", "noise", 0.5, seed=0, ids=ids[8:]))


def partners_of(n_total: int, fraction: float = 0.25, seed: int = 0) -> Tensor:
    own = torch.arange(n_total)
    return draw_partners(fraction, seed=seed, ids=own, positions=own, n_total=n_total)


def test_a_partner_is_never_the_image_itself_and_any_other_image() -> None:
    assert partners_of(2).tolist() == [1, 0]
    for seed in range(20):
        assert not bool((partners_of(50, seed=seed) == torch.arange(50)).any())
    found = torch.stack([partners_of(5, seed=seed) for seed in range(200)])
    for own in range(5):
        assert sorted(set(found[:, own].tolist())) == [other for other in range(5) if other != own]
    assert not torch.equal(partners_of(50), partners_of(50, 0.5))


def test_partners_come_from_the_whole_split_whatever_part_is_looked_at() -> None:
    whole = partners_of(10_000)
    rows = torch.tensor([9_000, 3, 77])
    part = draw_partners(0.25, seed=0, ids=rows, positions=rows, n_total=10_000)
    assert torch.equal(part, whole[rows])
    assert int(whole.min()) < 100
    assert int(whole.max()) > 9_900


def test_a_split_of_one_image_has_no_partner() -> None:
    with pytest.raises(UsageError, match="a split of two images or more"):
        partners_of(1)


def test_what_cannot_hold_a_window_is_refused_in_a_sentence() -> None:
    ids = torch.arange(2)
    images = noise_images(2)
    with pytest.raises(DataError, match="uint8 images of shape"):
        paste_windows(images.float(), "hard", "mean", 0.5, seed=0, ids=ids)
    with pytest.raises(DataError, match="one uint8 partner per image, of the images' shape, not none"):
        paste_windows(images, "hard", "image", 0.5, seed=0, ids=ids)
    with pytest.raises(DataError, match="one uint8 partner per image"):
        paste_windows(images, "hard", "image", 0.5, seed=0, ids=ids, partners=images[:1])
    with pytest.raises(UsageError, match="at least 4 pixels on each side, but on images of 40x8"):
        paste_windows(noise_images(2, 8, 40), "hard", "mean", 0.25, seed=0, ids=ids)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("filling", FILLINGS)
def test_the_gpu_makes_the_same_pixels(edge: str, filling: str) -> None:
    images, partners, ids = noise_images(50), noise_images(50, seed=1), torch.arange(50)
    on_cpu = paste_windows(images, edge, filling, 0.375, seed=0, ids=ids, partners=partners)
    on_gpu = paste_windows(images.cuda(), edge, filling, 0.375, seed=0, ids=ids.cuda(), partners=partners.cuda())
    assert torch.equal(on_cpu, on_gpu.cpu())
