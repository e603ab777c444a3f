import math

import pytest
import torch
from photos import byte_images
from torch import Tensor

from robustsweep.augmentations import build_method
from robustsweep.augmentations.policies.augmix import AugMix
from robustsweep.augmentations.textures.ipmix import IPMix
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

IMAGES = byte_images(20)
N = len(IMAGES)
METHOD = IPMix(n_textures=5)


def drawn(n: int = N) -> Tensor:
    return METHOD.sample(Draws(0, "augmentation/0", torch.arange(n)))


def uniform(n: int, *shape: int) -> Tensor:
    return Draws(0, "test", torch.arange(n)).uniform(*shape)


def patched(method: IPMix, images: Tensor, pictures: Tensor, numbers: Tensor) -> Tensor:
    return method._patched(images, pictures, numbers, Draws(0, "pixels", torch.arange(len(images))))


def test_chains_without_steps_give_the_image_back() -> None:
    views = IPMix(depth=0, n_textures=5).pixels(IMAGES, drawn())
    assert torch.allclose(views, IMAGES.float().repeat(3, 1, 1, 1), atol=1e-3)


def test_two_views_differ_and_one_goes_alone() -> None:
    views = METHOD.pixels(IMAGES, drawn()).view(3, *IMAGES.shape)
    assert torch.equal(views[0], IMAGES.float())
    differ = [(views[a] - views[b]).abs().flatten(1).amax(1) > 1 for a, b in ((0, 1), (0, 2), (1, 2))]
    assert all(each.double().mean() > 0.7 for each in differ)
    alone = IPMix(n_textures=5, jsd_weight=0).pixels(IMAGES, drawn())
    assert alone.shape == IMAGES.shape
    assert not torch.equal(alone, IMAGES.float())


def test_windows_are_squares_or_rectangles_that_fit() -> None:
    n = 3000
    numbers = uniform(n, 6)
    window = METHOD.window(numbers, 20, 32)
    heights, widths = window.any(2).sum(1), window.any(1).sum(1)
    assert torch.equal(window.flatten(1).sum(1), heights * widths)
    is_square = numbers[:, 3] < 0.5
    assert set(heights[is_square].tolist()) == {4, 8, 16}
    assert torch.equal(heights[is_square], widths[is_square])
    assert heights.min() == widths.min() == 2
    assert (heights[~is_square] != widths[~is_square]).any()
    # Every row and column of a square of 4 pixels occurs, up to the edges.
    small = is_square & (heights == 4)
    for axis, places in ((2, 17), (1, 29)):
        assert set(window[small].any(axis).int().argmax(1).tolist()) == set(range(places))


def test_a_patch_changes_nothing_around_it_and_mixes_by_the_four_rules() -> None:
    n = 400
    images, pictures = torch.full((n, 3, 32, 32), 51.0), torch.full((n, 3, 32, 32), 153.0)
    numbers = uniform(n, 11)
    window = METHOD.window(numbers[:, :6], 32, 32).unsqueeze(1).expand(-1, 3, -1, -1)
    mixed = patched(METHOD, images, pictures, numbers)
    assert torch.equal(mixed[~window], images[~window])
    kind = (numbers[:, 6] * 4).long()
    channels_agree: dict[int, list[bool]] = {2: [], 3: []}
    for row in range(n):
        inside = mixed[row][window[row]].view(3, -1).double()
        branch, one, two = numbers[row, 7:10].tolist()
        a, b = one ** (1 / 3), 1 - two ** (1 / 3)
        a, b = (a, b) if branch < 0.5 else (2 - a, -b)
        if kind[row] == 0:
            wanted = min(1, max(0, (a * -0.6 + b * 0.2 + 1) / 2))
            assert torch.allclose(inside, torch.tensor(255 * wanted, dtype=torch.float64), atol=1e-3)
        elif kind[row] == 1:
            wanted = min(1, 0.4**a * 1.2**b / 2)
            assert torch.allclose(inside, torch.tensor(255 * wanted, dtype=torch.float64), atol=1e-3)
        else:
            assert set(inside.unique().tolist()) <= {51.0, 153.0}
            channels_agree[int(kind[row])].append(bool((inside == inside[0]).all()))
    assert all(channels_agree[2])
    assert sum(channels_agree[3]) < 0.5 * len(channels_agree[3])
    assert set(kind.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("kind", [2, 3])
def test_the_threshold_is_the_share_of_the_image(kind: int) -> None:
    n = 30
    images, pictures = torch.zeros(n, 3, 32, 32), torch.full((n, 3, 32, 32), 255.0)
    numbers = uniform(n, 11)
    # A square of 32 pixels covers everything.
    numbers[:, 0], numbers[:, 3], numbers[:, 6] = 0.99, 0.0, (kind + 0.5) / 4
    for threshold, wanted in ((0.0, 255.0), (1.0, 0.0), (0.3, None)):
        numbers[:, 10] = threshold
        mixed = patched(METHOD, images, pictures, numbers)
        if wanted is None:
            assert abs((mixed == 0).double().mean() - 0.3) < 0.01
            assert torch.equal(mixed[:, 0], mixed[:, 1]) == (kind == 2)
        else:
            assert (mixed == wanted).all()


def test_all_chains_are_empty_with_the_chance_of_three_quarters_cubed_away() -> None:
    """A chain has no step with chance 1/4: three of them with 1/64, and then a view is the image."""
    n = 3000
    images = torch.randint(256, (n, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    view = IPMix(n_textures=5, jsd_weight=0, patch_sizes=(4,)).pixels(images, drawn(n))
    same = (view - images).abs().flatten(1).amax(1) < 1e-3
    # Steps that change nothing add a little to it.
    assert 1 / 64 - 4 * math.sqrt(1 / 64 / n) < same.double().mean() < 0.08


def test_operations_are_those_of_the_published_list() -> None:
    assert set(METHOD.operations) ^ set(AugMix.operations) == {"autocontrast", "mirror", "invert"}
    assert IPMix(all_operations=True).overlapped_corruptions == ("brightness", "contrast", "saturate")
    assert METHOD.overlapped_corruptions == ()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"patch_sizes": []}, "patch_sizes must be at least one side"),
        ({"patch_sizes": [1, 4]}, "patch_sizes must be at least one side"),
        ({"jsd_weight": -1.0}, "jsd_weight must be at least 0"),
    ],
)
def test_what_it_cannot_do_is_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_method("ipmix", **parameters)
    with pytest.raises(UsageError, match="none fits 20 x 32"):
        IPMix(patch_sizes=(64,)).window(uniform(1, 6), 20, 32)
