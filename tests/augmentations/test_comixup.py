import itertools

import numpy as np
import pytest
import torch
from stepping_networks import network, step, with_peaks

from robustsweep.augmentations.mixes.saliency.comixup import CoMixup
from robustsweep.augmentations.parts.group_labelling import _paying_for_twins, _vectors
from robustsweep.augmentations.parts.small_grids import Floats, cheapest_labels, energy, expand


def problems(n: int, n_labels: int, smoothness: float) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(0)
    vectors = np.concatenate([np.eye(n_labels - 1), np.eye(n_labels - 1)[:1] / 2 + np.eye(n_labels - 1)[1:2] / 2])
    square = ((vectors[:, None] - vectors) ** 2).sum(2)
    return generator.random((n, 16, n_labels)), np.broadcast_to(smoothness * square, (n, n_labels, n_labels))


def drawn(n: int) -> tuple[Floats, Floats, Floats]:
    generator = np.random.default_rng(0)
    saliency = generator.exponential(size=(n, 16)) ** 2
    return saliency / saliency.sum(1, keepdims=True), generator.gamma(2.0, size=n), generator.random((n, 16))


def test_the_best_move_is_the_cheapest_of_all() -> None:
    unary, pairwise = problems(2, 4, 0.4)
    labels = np.random.default_rng(1).integers(0, 4, (2, 16))
    least, after = expand(unary, pairwise, labels)
    assert np.allclose(energy(unary, pairwise, after), least)
    takes = (np.arange(2**16)[:, None] >> np.arange(16)) % 2 == 1
    for g in range(2):
        moves = [np.where(takes, alpha, labels[g]) for alpha in range(4)]
        many = (2**16, 1, 1)
        costs = [energy(np.tile(unary[g], many), np.tile(pairwise[g], many), move).min() for move in moves]
        assert least[g] == pytest.approx(min(costs))


def test_labellings_end_where_no_move_helps_and_follow_the_cheapest_label_without_smoothness() -> None:
    unary, pairwise = problems(30, 6, 0.2)
    start = np.random.default_rng(1).integers(0, 6, (30, 16))
    labels = cheapest_labels(unary, pairwise, start)
    least = energy(unary, pairwise, labels)
    assert np.allclose(expand(unary, pairwise, labels)[0], least)
    assert (least <= energy(unary, pairwise, unary.argmin(2)) + 1e-9).all()
    assert (cheapest_labels(unary, 0 * pairwise, start) == unary.argmin(2)).all()
    stiff = cheapest_labels(unary, 100 * pairwise, start)
    assert (stiff == stiff[:, :1]).all()


def test_two_labels_are_solved_to_the_minimum() -> None:
    """With two labels a move from one of them is any labelling at all."""
    generator = np.random.default_rng(3)
    unary, pairwise = generator.random((3, 16, 2)), np.broadcast_to(0.3 * (1 - np.eye(2)), (3, 2, 2))
    start = np.zeros((3, 16), dtype=np.int64)
    found = energy(unary, pairwise, cheapest_labels(unary, pairwise, start))
    every = (np.arange(2**16)[:, None] >> np.arange(16)) % 2
    for g in range(3):
        least = energy(np.tile(unary[g], (2**16, 1, 1)), np.tile(pairwise[g], (2**16, 1, 1)), every).min()
        assert found[g] == pytest.approx(least)


def test_blocks_are_whole_or_halves_of_few_images_and_the_last_group_is_a_small_one() -> None:
    n = 47
    shares = CoMixup().shares(*drawn(n))
    assert shares.shape == (3, 20, 16, 20)
    assert set(np.unique(shares)) <= {0.0, 0.5, 1.0}
    assert (shares == 0.5).any()
    assert (shares[:2].sum(3) == 1).all()
    assert (shares[2, :7].sum(2) == 1).all()
    assert shares[2, 7:].sum() == shares[2, :, :, 7:].sum() == 0
    assert ((shares > 0).sum(3) <= 3).all()


def test_overlap_costs_more_the_higher_its_price() -> None:
    """Without a price every output takes the same favoured blocks; with one, images are used about equally."""
    worst = [CoMixup(overlap=price).shares(*drawn(20)).sum((1, 2)).max() for price in (0.0, 0.01, 1.0)]
    assert worst[0] >= worst[1] >= worst[2]
    assert worst[0] > 30
    assert worst[2] < 24


def test_groups_do_not_depend_on_each_other() -> None:
    given = drawn(45)
    together = CoMixup().shares(*given)
    alone = CoMixup().shares(*(each[20:40] for each in given))
    assert np.array_equal(together[1], alone[0])
    last = CoMixup().shares(*(each[40:] for each in given))
    assert np.array_equal(together[2, :5, :, :5], last[0])


def test_means_are_of_the_images_that_an_output_has_most_of() -> None:
    vectors = _vectors(np.array([[1.0, 9, 0, 6], [16, 0, 0, 0]]), means=True)
    halves = {tuple(map(float, row)) for row in vectors[0, 4:]}
    assert halves == {(0, 0.5, 0, 0.5), (0.5, 0.5, 0, 0), (0.5, 0, 0, 0.5)}
    assert (vectors[1, 4:] == 0).all()
    assert _vectors(np.ones((1, 4)), means=False).shape == (1, 4, 4)


def test_twins_pay_for_different_images() -> None:
    made_of = np.array([[[1, 1, 0], [1, 1, 0], [0, 0, 1]]], dtype=bool)
    charged = _paying_for_twins(made_of, np.ones((1, 3), dtype=bool))
    assert charged.tolist() == [[[1, 0, 0], [0, 1, 0], [0, 0, 0]]]
    alone = np.repeat(made_of[:, 2:], 3, axis=1)
    assert _paying_for_twins(alone, np.ones((1, 3), dtype=bool)).sum() == 0


def test_images_and_targets_are_put_together_as_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    method = CoMixup()
    with_peaks(method, monkeypatch)
    given = step(method, 23, net=network())
    decided = np.zeros((2, 20, 16, 20))
    for group, output, block in itertools.product(range(2), range(20), range(16)):
        decided[group, output, block, (output + block) % (20 if group == 0 else 3)] = 1
    decided[0, 0, 0] = 0
    decided[0, 0, 0, [3, 4]] = 0.5
    monkeypatch.setattr(CoMixup, "shares", lambda *_: decided)
    images, targets = method.augment(given)
    assert torch.allclose(images[0, :, :8, :8], (given.images[3, :, :8, :8] + given.images[4, :, :8, :8]) / 2)
    assert torch.equal(images[0, :, 8:16, 16:24], given.images[6, :, 8:16, 16:24])
    assert torch.equal(images[22, :, 8:16, :8], given.images[20, :, 8:16, :8])
    expected = (0.5 * (given.targets[3] + given.targets[4]) + given.targets[1:16].sum(0)) / 16
    assert torch.allclose(targets[0], expected)
    assert torch.allclose(targets[20], (6 * given.targets[20] + 5 * given.targets[21] + 5 * given.targets[22]) / 16)


def test_favours_are_gamma_draws() -> None:
    from robustsweep.draws import Draws

    favour = CoMixup(alpha=2.0).sample(Draws(0, "a", torch.arange(20_000)))[:, 0]
    assert float(favour.mean()) == pytest.approx(2.0, rel=0.03)
    assert float(favour.var()) == pytest.approx(2.0, rel=0.06)
