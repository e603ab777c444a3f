import torch
from torch import Tensor

from robustsweep.augmentations.textures.fractals import chaos_game, fractals
from robustsweep.draws import Draws


def slope_of(grey: Tensor) -> Tensor:
    """Fit the power of the frequency that an image's power spectrum follows, rings of one frequency at a time."""
    side = grey.shape[-1]
    window = torch.hann_window(side, periodic=False, dtype=torch.float64)
    power = torch.fft.fft2((grey - grey.mean((1, 2), keepdim=True)) * window * window[:, None]).abs() ** 2
    frequency = torch.fft.fftfreq(side, 1 / side, dtype=torch.float64)
    ring = torch.hypot(frequency[:, None], frequency).round()
    rings = torch.arange(2, side // 2)
    level = torch.stack([power[:, ring == number].mean(1) for number in rings], dim=1).log()
    place = rings.double().log() - rings.double().log().mean()
    return (place * level).sum(1) / (place**2).sum()


def test_spectra_fall_as_those_of_natural_images_do() -> None:
    slopes = slope_of(fractals(0, torch.arange(40), 36, 36).double().mean(1))
    assert -2.5 < slopes.median() < -1.5
    assert ((slopes > -3) & (slopes < -1)).double().mean() > 0.9


def test_no_two_are_alike_and_each_shows_something() -> None:
    pictures = fractals(0, torch.arange(40), 36, 36).double().flatten(1)
    assert torch.cdist(pictures, pictures).fill_diagonal_(torch.inf).min() > 20 * 36
    centred = pictures.view(40, 3, -1) - pictures.view(40, 3, -1).mean(2, keepdim=True)
    # The same shape in other colours would be alike as well.
    shape = torch.nn.functional.normalize(centred.mean(1), dim=1)
    assert (shape @ shape.T).fill_diagonal_(0).abs().max() < 0.95
    assert centred.std(2).amax(1).min() > 4


def test_a_picture_belongs_to_its_seed_and_number() -> None:
    numbers = torch.tensor([7, 2, 11])
    pictures = fractals(3, numbers, 20, 28)
    assert pictures.shape == (3, 3, 20, 28)
    assert pictures.dtype == torch.uint8
    assert torch.equal(pictures[1:2], fractals(3, numbers[1:2], 20, 28))
    assert torch.equal(pictures[[2, 0]], fractals(3, numbers[[2, 0]], 20, 28))
    assert not torch.equal(pictures, fractals(4, numbers, 20, 28))


def test_walkers_reach_the_attractor_and_nothing_else() -> None:
    """Sierpinski's triangle: three maps that halve the distance to a corner; the fourth has no chance."""
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    matrices = (torch.eye(2) / 2).expand(1, 4, 2, 2)
    chances = torch.tensor([[1.0, 1.0, 1.0, 0.0]]) / 3
    draws = Draws(0, "test", torch.zeros(1, dtype=torch.int64))
    points, colours = chaos_game(draws, matrices, corners[None] / 2, chances, torch.eye(4)[None, :, :3], 4096)
    cells = (points[0] * 32).floor().long()
    # A point of the triangle has no common binary digit 1 in its two coordinates.
    assert ((cells[:, 0] & cells[:, 1]) == 0).double().mean() > 0.999
    assert len(cells.unique(dim=0)) >= 3**5
    # The last map taken leads to its half, and has given half of the colour.
    assert (colours[0, points[0, :, 0] > 0.5 + 1e-3][:, 1] >= 0.5).all()
    share = (points[0, :, 0] > 0.5).double().mean()
    assert abs(share - 1 / 3) < 0.02
