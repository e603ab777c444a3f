import math

import pytest
import torch
from torch import Tensor

from robustsweep.augmentations.textures.arithmetic import added, multiplied, weights
from robustsweep.draws import Draws


def flat(*values: float) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, 4, 5)


def pair(a: float, b: float, n: int = 1) -> Tensor:
    return torch.tensor([[float(a), float(b)]]).expand(n, 2)


def test_all_of_an_image_and_nothing_of_the_other_is_the_image() -> None:
    images, others = torch.arange(256.0).view(1, 1, 16, 16), torch.rand(1, 1, 16, 16) * 255
    assert torch.equal(added(images, others, pair(1, 0)), images)
    assert torch.allclose(multiplied(images, others, pair(1, 0)), images, atol=1e-4)


@pytest.mark.parametrize("a", [0.3, 1.0, 1.4])
def test_closed_forms_with_mid_grey(a: float) -> None:
    """A sum with mid-grey scales the contrast by a; a product with it is a gamma."""
    m = torch.linspace(0, 255, 52).view(1, 1, 4, 13)
    grey = torch.full_like(m, 127.5)
    assert torch.allclose(added(m, grey, pair(a, 0.4)), (127.5 + a * (m - 127.5)).clamp(0, 255), atol=1e-3)
    wanted = (255 * 0.5 * (2 * m / 255) ** a).clamp(0, 255)
    assert torch.allclose(multiplied(m, grey, pair(a, 0.4)), wanted, atol=1e-3)


def test_constants_by_hand() -> None:
    # (a (2m - 1) + b (2q - 1) + 1) / 2 with m = 0.2, q = 0.6: (0.5 * -0.6 + 0.25 * 0.2 + 1) / 2 = 0.375.
    assert torch.allclose(added(flat(51), flat(153), pair(0.5, 0.25)), flat(255 * 0.375), atol=1e-4)
    # (2m)^a (2q)^b / 2 with a = 2, b = -1: 0.16 / 1.2 / 2.
    assert torch.allclose(multiplied(flat(51), flat(153), pair(2, -1)), flat(255 * 0.16 / 2.4), atol=1e-4)


def test_results_stay_in_range_and_finite_for_black_pixels() -> None:
    black, white = flat(0), flat(255)
    for a in (0.0, 0.5, 2.0):
        for b in (-1.0, 0.0, 1.0):
            for m, q in ((black, black), (black, white), (white, black), (white, white)):
                for result in (added(m, q, pair(a, b)), multiplied(m, q, pair(a, b))):
                    assert result.isfinite().all()
                    assert (result >= 0).all()
                    assert (result <= 255).all()


def test_weights_have_the_moments_of_their_distributions() -> None:
    n, beta = 20_000, 3.0
    drawn = Draws(0, "weights", torch.arange(n)).uniform(3)
    for kind, (branch, mean_a, mean_b) in enumerate([(0.0, beta / (beta + 1), 0.25), (0.9, 1.25, -0.25)]):
        a, b = weights(torch.full((n,), branch), drawn[:, :2], beta).double().unbind(1)
        deviation = math.sqrt(beta / ((beta + 1) ** 2 * (beta + 2)))
        assert abs(a.mean() - mean_a) < 4 * deviation / math.sqrt(n), kind
        assert abs(b.mean() - mean_b) < 4 * deviation / math.sqrt(n), kind
        assert float(a.std()) == pytest.approx(deviation, rel=0.03)
        assert float(b.std()) == pytest.approx(deviation, rel=0.03)
    total = weights(drawn[:, 2], drawn[:, :2], beta).double().sum(1)
    assert float(total.mean()) == pytest.approx(1, abs=0.01)
    assert float(total.std()) == pytest.approx(0.27, abs=0.01)


def test_the_weights_are_all_and_nothing_as_beta_grows() -> None:
    drawn = Draws(0, "weights", torch.arange(100)).uniform(3)
    assert torch.allclose(weights(drawn[:, 2], drawn[:, :2], 1e6), pair(1, 0, 100), atol=1e-4)
