import math

import pytest
import torch
from photos import byte_images
from stepping_networks import criterion
from torch import Tensor, nn

from robustsweep.augmentations.method import Step
from robustsweep.augmentations.policies.augmix import jensen_shannon
from robustsweep.augmentations.textures import primitives
from robustsweep.augmentations.textures.prime import Prime
from robustsweep.draws import Draws

IMAGES = byte_images(8)
PIXELS = IMAGES.float() / 255
N = len(IMAGES)


def draws(n: int = N, stream: str = "test") -> Draws:
    return Draws(0, stream, torch.arange(n))


def ones(value: float, n: int = N) -> Tensor:
    return torch.full((n,), value, dtype=torch.float64)


def test_no_strength_leaves_images_as_they_are() -> None:
    none = ones(0.0)
    assert torch.equal(primitives.filtered(PIXELS, none, draws().normal(3, 3)), PIXELS)
    assert torch.equal(primitives.recoloured(PIXELS, ones(9), none, draws().normal(3, 20)), PIXELS)
    moved = primitives.displaced(PIXELS, ones(9), none, draws().normal(2, 9, 9))
    assert torch.allclose(moved, PIXELS, atol=1e-5)
    still = Prime(filter_sigma=0, colour_variance=0).pixels(IMAGES, Prime().sample(draws()))
    assert torch.allclose(still, IMAGES.float().repeat(3, 1, 1, 1), atol=1e-3)


def test_a_filter_is_that_of_scipy_and_the_published_one_shifts() -> None:
    from scipy.ndimage import correlate

    sigma, normal = draws().uniform(high=4), draws(stream="kernel").normal(3, 3)
    found = primitives.filtered(PIXELS, sigma, normal)
    for row in range(N):
        kernel = sigma[row].item() * normal[row].double().numpy()
        kernel[1, 1] += 1
        for channel in range(3):
            wanted = torch.from_numpy(correlate(PIXELS[row, channel].double().numpy(), kernel, mode="constant"))
            assert torch.allclose(found[row, channel].double(), wanted, atol=1e-5)
    shifted = primitives.filtered(PIXELS, ones(0.0), normal, shifted_delta=True)
    assert torch.equal(shifted[..., :-1, :-1], PIXELS[..., 1:, 1:])
    assert (shifted[..., -1, :] == 0).all()


def test_colours_move_by_a_sum_of_sines_and_both_ends_stay() -> None:
    highest = 40
    cut, variance, normal = draws().integers(1, highest + 1), draws().uniform(high=0.01), draws().normal(3, highest)
    found = primitives.recoloured(PIXELS, cut, variance, normal)
    for row in range(N):
        wanted = PIXELS[row].double()
        for frequency in range(1, int(cut[row]) + 1):
            amplitude = math.sqrt(variance[row]) * normal[row, :, frequency - 1].double().view(3, 1, 1)
            wanted = wanted + amplitude * (math.pi * frequency * PIXELS[row].double()).sin()
        assert torch.allclose(found[row].double(), wanted, atol=1.5e-3)
    ends = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(N, 3, 4, 2)
    assert torch.allclose(primitives.recoloured(ends, cut, variance, normal), ends, atol=1e-6)


def test_displacements_vanish_on_the_border_and_have_the_variance_of_their_modes() -> None:
    n, cut, temperature = 3000, 5, 0.01
    moved = primitives.field(ones(cut, n), ones(temperature, n), draws(n).normal(2, 12, 9), 21, 11)
    edges = moved[..., 0, :], moved[..., -1, :], moved[..., 0], moved[..., -1]
    assert all(edge.abs().max() < 1e-6 for edge in edges)
    # In the middle sin(pi i / 2) is 0 for even frequencies and 1 or -1 for odd ones.
    modes = [(i, j) for i in (1, 3, 5) for j in (1, 3, 5) if i**2 + j**2 <= (cut + 0.5) ** 2]
    variance = temperature * sum(1 / (i**2 + j**2) for i, j in modes)
    assert float(moved[:, :, 10, 5].var()) == pytest.approx(variance, rel=0.08)


def test_a_displaced_image_is_read_at_the_displaced_places() -> None:
    """On a ramp, bilinear reading is exact wherever the place lies inside."""
    height, width, n = 24, 40, 6
    ramp = (torch.arange(height).view(-1, 1) * 3.0 + torch.arange(width)).expand(n, 1, height, width)
    cut, temperature, normal = ones(6, n), ones(2e-4, n), draws(n).normal(2, 6, 6)
    moved = primitives.field(cut, temperature, normal, height, width)
    assert 0.3 < (moved * width).abs().amax() < 4
    row = torch.arange(height).view(-1, 1) + moved[:, 1] * height
    column = torch.arange(width) + moved[:, 0] * width
    wanted = 3 * row.clamp(0, height - 1) + column.clamp(0, width - 1)
    found = primitives.displaced(ramp, cut, temperature, normal)
    assert torch.allclose(found[:, 0], wanted, atol=2e-3)


def test_strengths_lie_between_half_a_pixel_and_the_last_invertible_map() -> None:
    cut, temperature = primitives.displacement_strength(draws(4000).uniform(3), 100, 32)
    assert cut.min() == 2
    assert 80 < cut.max() <= 100
    low = 1 / (math.pi * 32**2 * cut.double().log())
    high = torch.maximum(low, 4 / (math.pi**3 * cut**2 * cut.double().log()))
    assert (temperature >= low * (1 - 1e-9)).all()
    assert (temperature <= high * (1 + 1e-9)).all()
    # The arcsine distribution: a third of its mass lies in the lowest quarter.
    place = ((temperature - low) / (high - low))[high > 1.01 * low]
    assert float((place < 0.25).double().mean()) == pytest.approx(1 / 3, abs=0.05)


def test_chains_take_one_to_three_steps_of_the_primitives_that_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each primitive a known change of a black image, a view's chains say what was done."""
    taken: list[str] = []
    for name in ("filtered", "recoloured", "displaced"):

        def primitive(images: Tensor, *_: object, name: str = name, **__: object) -> Tensor:
            taken.extend([name] * len(images))
            return images + 0.25

        monkeypatch.setattr(primitives, name, primitive)
    n = 400
    black = torch.zeros(n, 3, 4, 4, dtype=torch.uint8)
    for all_primitives in (False, True):
        taken.clear()
        method = Prime(all_primitives=all_primitives)
        keys = torch.arange(n)
        chains = method.distorted(black, keys, keys)[:, 0, 0, 0]
        steps = (chains / 255 * 4).round()
        assert set(steps.tolist()) == {1, 2, 3}
        assert float(steps.mean()) == pytest.approx(2, abs=0.17)
        assert len(taken) == steps.sum()
        names = {"filtered", "recoloured", "displaced"} if all_primitives else {"filtered", "recoloured"}
        assert set(taken) == names
        assert all(abs(taken.count(name) / len(taken) - 1 / len(names)) < 0.07 for name in names)
        assert method.overlapped_corruptions == (("elastic_transform",) if all_primitives else ())


def test_views_stay_in_the_hull_of_clipped_pixels_and_differ() -> None:
    views = Prime(all_primitives=True).pixels(IMAGES, Prime().sample(draws())).view(3, *IMAGES.shape)
    assert torch.equal(views[0], IMAGES.float())
    assert views.min() >= -1e-3
    assert views.max() <= 255 + 1e-3
    differ = (views[1] - views[2]).abs().flatten(1).amax(1) > 1
    # Filters and colour maps leave a black image black.
    assert differ.sum() >= N - 1


def test_the_loss_has_three_views_or_one() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
    images, targets = torch.randn(15, 3, 2, 2, generator=torch.Generator().manual_seed(0)), torch.eye(5, 4)
    sample = Prime().sample(draws(5))
    loss = Prime(jsd_weight=7).loss(Step(network, images, targets, sample, criterion, 0.0))
    logits = network(images).view(3, 5, 4)
    assert torch.allclose(loss, criterion(logits[0], targets).mean() + 7 * jensen_shannon(logits))
    alone = Prime(jsd_weight=0).loss(Step(network, images[:5], targets, sample, criterion, 0.0))
    assert torch.equal(alone, criterion(network(images[:5]), targets).mean())
