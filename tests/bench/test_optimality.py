"""The short form of the bench of optimality: distances that are known, and the area between them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from nearest_by_peers import Contender, bisected, contenders
from optimality import Counted, Measured, Subject, draw, stored, write
from torch import Tensor, nn

from robustsweep.attacks import run_attack


class Plane(nn.Module):
    """Two classes on either side of a plane in the pixels, and two that no image comes near."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, generator=torch.Generator().manual_seed(1)))

    def forward(self, images: Tensor) -> Tensor:
        score = ((images.flatten(1) - 0.5) * self.weight).sum(1)
        far = torch.full_like(score, -30)
        return torch.stack([score, -score, far, far - 1], dim=1)


@pytest.fixture
def subject() -> Subject:
    module = Plane().eval().requires_grad_(False)
    images = 0.4 + 0.2 * torch.rand(8, 3, 2, 2, generator=torch.Generator().manual_seed(2))
    return Subject("plane", module, images, module(images).argmax(1), 1.0)


def known(subject: Subject) -> np.ndarray:
    weight = subject.module.weight
    score = ((subject.images.flatten(1) - 0.5) * weight).sum(1).abs()
    return (score / weight.abs().sum()).numpy()


def test_the_envelope_is_optimal_and_an_attack_that_finds_nothing_is_not() -> None:
    envelope = np.array([1.0, 2.0, 3.0])
    assert Measured("a", "b", 1, envelope).optimality(envelope, 0.6) == pytest.approx(1)
    assert Measured("a", "b", 1, np.full(3, np.inf)).optimality(envelope, 0.6) == pytest.approx(0)
    # The area is 0.6 * (2 + 2 + 3) / 3 = 1.4 where 0.6 * 2 is the least and 0.6 * 3 the largest.
    assert Measured("a", "b", 1, np.array([2.0, 2.0, 3.0])).optimality(envelope, 0.6) == pytest.approx(1 - 0.2 / 0.6)


def test_our_attacks_find_the_distance_and_hooks_see_their_passes(subject: Subject) -> None:
    (ours,) = (c for c in contenders("linf", 100) if (c.library, c.name) == ("robustsweep", "nearest-pgd"))
    distances, passes = subject.distances(ours, "linf", batch=3)
    assert distances == pytest.approx(known(subject), rel=0.02)
    spec = "nearest-pgd24-linf@1"
    outcome = run_attack(subject.module, subject.images, subject.labels, spec, seed=0, ids=torch.arange(8))
    assert outcome.passes is not None
    assert passes == float(outcome.passes.float().mean()) == 99


def test_bisection_ends_within_its_last_interval(subject: Subject) -> None:
    weight = subject.module.weight

    def best(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
        model(images)
        down = torch.where(labels == 0, -1.0, 1.0).view(-1, 1)
        return (images.flatten(1) + eps * down * weight.sign()).view_as(images)

    found = bisected(best, "linf", Counted(subject.module), subject.images, subject.labels)
    distances = (found - subject.images).flatten(1).abs().amax(1).numpy()
    assert bool((distances >= known(subject) * (1 - 1e-5)).all())
    assert distances == pytest.approx(known(subject), abs=8 / 255 / 2**6)


def test_what_is_stored_is_drawn(subject: Subject, tmp_path: Path) -> None:
    contender = Contender("robustsweep", "fmn", 20, lambda model, images, labels: images)
    distances, passes = subject.distances(contender, "linf", batch=8)
    assert bool(np.isinf(distances).all())
    for number, name in enumerate(("fmn", "nearest-pgd")):
        write(
            tmp_path / "plane" / "linf" / f"{name}.npz",
            distances=known(subject) * (1 + number),
            passes=passes + 100,
            library="robustsweep",
            name=name,
            clean=subject.clean,
        )
    found, envelope, clean = stored(tmp_path / "plane" / "linf")
    assert len(found) == 2
    assert clean == 1.0
    assert envelope == pytest.approx(known(subject))
    draw(tmp_path, ["plane"], ["linf"], tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 1000


def test_an_exception_is_an_image_that_stands_where_another_attack_fools(subject: Subject) -> None:
    rows, eps = subject.unbroken("linf", known(subject) * 1.01, batch=8)
    assert len(rows) == 0
    assert bool((eps >= known(subject)).all())
    claimed = np.where(np.arange(8) % 2, 0.3 / 255, 9 / 255)
    rows, eps = subject.unbroken("linf", claimed, batch=8)
    assert set(eps) == {0.5 / 255, np.inf}
    assert rows.tolist() == np.flatnonzero((claimed < 1 / 255) & (known(subject) > 0.5 / 255)).tolist()
    assert 0 < len(rows) < 8
