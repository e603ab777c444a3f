import pytest
import torch
from scipy.ndimage import gaussian_filter
from stepping_networks import N, step

from robustsweep.augmentations.method import build_method
from robustsweep.augmentations.mixes.saliency.sage import Sage, blurred_magnitude, own_share, saliency_kept, shifted
from robustsweep.augmentations.network_method import input_gradient
from robustsweep.errors import UsageError


def saliencies(n: int = 6, height: int = 8, width: int = 10) -> torch.Tensor:
    return torch.rand(2, n, height, width, generator=torch.Generator().manual_seed(0))


def test_saliency_is_the_blurred_magnitude_of_sum_one() -> None:
    gradient = torch.randn(4, 3, 12, 9, generator=torch.Generator().manual_seed(0))
    saliency = blurred_magnitude(gradient)
    assert torch.allclose(saliency.sum((1, 2)), torch.ones(4), atol=1e-5)
    bordered = blurred_magnitude(gradient, "zeros")
    for own, zeros, one in zip(saliency, bordered, gradient.abs().mean(1).numpy(), strict=True):
        for found, mode in ((own, "mirror"), (zeros, "constant")):
            blurred = torch.from_numpy(gaussian_filter(one, 1.0, mode=mode, radius=2))
            assert torch.allclose(found, blurred / blurred.sum(), atol=1e-5)


def test_the_border_of_a_constant_gradient_is_as_salient_as_its_middle() -> None:
    saliency = blurred_magnitude(torch.full((1, 3, 8, 6), -2.0))
    assert torch.allclose(saliency, torch.full((1, 8, 6), 1 / 48))
    assert blurred_magnitude(torch.ones(1, 3, 8, 6), "zeros")[0, 0, 0] < 0.7 / 48


def test_the_card_tells_how_the_border_was_blurred_and_the_older_way_can_be_asked_for() -> None:
    assert Sage().parameters() == {"upper": 0.5, "border": "reflect"}
    older, given = Sage(border="zeros"), step(Sage(), 5)
    assert not torch.equal(older.augment(given)[0], Sage().augment(given)[0])
    with pytest.raises(UsageError, match="border must be one of reflect, zeros, got 'mirror'"):
        build_method("sage", border="mirror")


def test_images_move_by_whole_pixels_and_zeros_move_in() -> None:
    images = torch.arange(1.0, 2 * 12 + 1).view(2, 1, 3, 4)
    moved = shifted(images, torch.tensor([[1, -2], [0, 0]]))
    assert moved[0, 0].tolist() == [[0, 0, 0, 0], [3, 4, 0, 0], [7, 8, 0, 0]]
    assert torch.equal(moved[1], images[1])
    assert shifted(images, torch.tensor([[2, 3], [-2, -3]]))[:, 0, [2, 0], [3, 0]].tolist() == [[1, 0], [0, 24]]


def test_equal_saliencies_without_a_shift_give_the_plain_average() -> None:
    saliency = saliencies()[0]
    assert torch.equal(own_share(0.5 * saliency, 0.5 * saliency), torch.full_like(saliency, 0.5))
    zero = torch.zeros_like(saliency)
    assert (own_share(zero, zero) == 1).all()
    assert (own_share(zero, saliency) == 0).all()
    assert torch.allclose(saliency_kept(saliency, zero), saliency.sum((1, 2)))


def test_the_offset_taken_keeps_at_least_as_much_as_each_that_was_tried() -> None:
    own, other = saliencies()
    method = Sage()
    generator = torch.Generator().manual_seed(0)
    offsets = torch.stack(
        [torch.randint(-7, 8, (6, 9), generator=generator), torch.randint(-9, 10, (6, 9), generator=generator)], dim=2
    )
    best = method.best_offset(own, other, offsets)
    kept = saliency_kept(own, shifted(other[:, None], best)[:, 0])
    every = torch.stack([saliency_kept(own, shifted(other[:, None], o)[:, 0]) for o in offsets.unbind(1)])
    assert torch.equal(kept, every.max(0).values)
    for i in range(6):
        assert best[i].tolist() in offsets[i].tolist()


def test_a_hundredth_of_all_offsets_is_tried_and_each_image_has_its_own() -> None:
    method = Sage()
    sample = step(method).sample
    offsets = method.offsets(sample, 32, 20)
    assert offsets.shape == (N, round(0.01 * 63 * 39), 2)
    assert offsets[..., 0].abs().max() <= 31
    assert offsets[..., 1].abs().max() <= 19
    assert offsets.double().mean((0, 1)).abs().max() < 3
    assert torch.equal(method.offsets(sample[3:4], 32, 20), offsets[3:4])
    assert not torch.equal(offsets[0], offsets[1])
    assert method.offsets(sample, 2, 2).shape == (N, 1, 2)


def test_images_are_overlaid_pixel_by_pixel_as_a_loop_would_do_it() -> None:
    method = Sage(upper=0.7)
    given = step(method, 5)
    images, targets = method.augment(given)
    saliency = blurred_magnitude(input_gradient(given))
    partners = torch.argsort(given.sample[:, 0], stable=True)
    for i in range(5):
        weight = 0.7 * float(given.sample[i, 1])
        own, other = weight * saliency[i], (1 - weight) * saliency[partners[i]]
        tried = method.offsets(given.sample[i : i + 1], 32, 32)[0]
        options = []
        for down, right in tried.tolist():
            moved = shifted(other[None, None], torch.tensor([[down, right]]))[0, 0]
            mask = torch.where(own + moved > 0, own / (own + moved), 1.0)
            options.append((float((own * mask + moved * (1 - mask)).sum()), mask, (down, right)))
        _, mask, (down, right) = max(options, key=lambda option: option[0])
        moved = shifted(given.images[partners[i]][None], torch.tensor([[down, right]]))[0]
        assert torch.allclose(images[i], mask * given.images[i] + (1 - mask) * moved, atol=1e-4)
        share = mask.mean()
        expected = share * given.targets[i] + (1 - share) * given.targets[partners[i]]
        assert torch.allclose(targets[i], expected, atol=1e-5)
