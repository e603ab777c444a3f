import numpy as np
import pytest
import torch

from robustsweep.augmentations.mixes.fmix import FMix
from robustsweep.draws import Draws


def shapes(n: int) -> torch.Tensor:
    return FMix().sample_shape(Draws(0, "augmentation/0", torch.arange(n)))


@pytest.mark.parametrize("size", [(32, 32), (21, 33)])
def test_the_mask_is_binary_and_keeps_the_drawn_share_to_a_pixel(size: tuple[int, int]) -> None:
    drawn, n_pixels = shapes(200), size[0] * size[1]
    mask = FMix().mask(drawn, *size)
    assert ((mask == 0) | (mask == 1)).all()
    exact = drawn[:, 0] * n_pixels
    kept = mask.double().sum((1, 2, 3))
    is_down = drawn[:, 1] < 0.5
    assert torch.equal(kept, torch.where(is_down, exact.floor(), exact.ceil()))
    assert 60 < is_down.sum() < 140


def test_extreme_shares_take_none_and_all() -> None:
    drawn = shapes(2)
    drawn[:, 0] = torch.tensor([0.0, 1.0])
    for method in (FMix(), FMix(max_soft=0.3)):
        assert method.mask(drawn, 16, 16).mean((1, 2, 3)).tolist() == [0.0, 1.0]


def test_the_noise_is_the_inverse_transform_of_a_damped_spectrum() -> None:
    """NumPy's transform of the same normal numbers."""
    drawn, height, width = shapes(3), 20, 33
    words = (drawn[:, 2:] * 2**32).long()
    normal = Draws(0, "fmix/noise", words[:, 0] * 2**32 + words[:, 1]).normal(2, height, 17).double().numpy()
    mask = FMix().mask(drawn, height, width)
    for row, (real, imaginary) in enumerate(normal):
        frequency = np.sqrt(np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width)[None] ** 2)
        spectrum = (real + 1j * imaginary) / np.maximum(frequency, 1 / 33) ** 3
        noise = torch.from_numpy(np.fft.irfft2(spectrum, s=(height, width)))
        kept = mask[row, 0] == 1
        assert noise[kept].min() > noise[~kept].max() - 1e-4 * noise.std()


def test_the_mask_has_few_edges() -> None:
    mask = FMix().mask(shapes(200), 32, 32)
    shuffled = mask.flatten(2)[:, :, torch.randperm(1024, generator=torch.Generator().manual_seed(0))].view_as(mask)
    edges, edges_of_noise = ((each.diff(dim=3) != 0).double().mean() for each in (mask, shuffled))
    assert edges < 0.25 * edges_of_noise


def test_the_soft_mask_falls_linearly_over_a_band_of_ranks() -> None:
    drawn = shapes(64)
    hard, soft = FMix().mask(drawn, 32, 32), FMix(max_soft=0.1).mask(drawn, 32, 32)
    for row, share in enumerate(drawn[:, 0].tolist()):
        half = int(1024 * min(0.1, share, 1 - share))
        kept = int(hard[row].sum())
        wanted = torch.cat([torch.ones(kept - half), torch.linspace(1, 0, 2 * half), torch.zeros(1024 - kept - half)])
        assert torch.allclose(soft[row].flatten().sort(descending=True).values, wanted, atol=1e-5)
        # Where the hard mask keeps a pixel, the soft one weighs it no less than where it does not.
        if 0 < kept < 1024:
            assert soft[row][hard[row] == 1].min() >= soft[row][hard[row] == 0].max()
