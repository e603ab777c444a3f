import math
import random
import struct

import numpy as np
import pytest
import torch
from scipy import stats

from robustsweep.aes import encrypt_bytes
from robustsweep.draws import Draws

IDS = torch.tensor([0, 1, -1, 7, 2**40, 2**63 - 1, -(2**63), 2**32])


def everything(draws: Draws) -> list[torch.Tensor]:
    """One call of each kind, with shapes that end inside a block of four words."""
    return [draws.words(3), draws.uniform(5, 3), draws.normal(7), draws.integers(-4, 9, 2, 3), draws.normal(3, 5, 5)]


def test_the_cpu_and_other_devices_make_the_same_words() -> None:
    draws = Draws(3, "both", IDS)
    draws.words(1)
    assert torch.equal(draws._words_by_openssl(5), draws._words_by_tensors(5))


def test_each_row_is_the_same_alone_in_any_batch_and_in_any_order() -> None:
    together = everything(Draws(5, "fog@3", IDS))
    order = torch.tensor([4, 0, 7, 2, 6, 1, 5, 3])
    for whole, shuffled in zip(together, everything(Draws(5, "fog@3", IDS[order])), strict=True):
        assert torch.equal(whole[order], shuffled)
    for row in range(len(IDS)):
        alone = everything(Draws(5, "fog@3", IDS[row : row + 1]))
        assert all(torch.equal(whole[row : row + 1], single) for whole, single in zip(together, alone, strict=True))


def test_every_id_has_a_row_of_its_own() -> None:
    words = Draws(0, "noise", IDS).words(4)
    assert len({tuple(row) for row in words.tolist()}) == len(IDS)


def test_calls_seeds_and_streams_differ() -> None:
    ids = torch.arange(3)
    draws = Draws(0, "noise", ids)
    first, second = draws.words(8), draws.words(8)
    others = [Draws(seed, stream, ids).words(8) for seed, stream in [(1, "noise"), (-1, "noise"), (0, "noisy")]]
    rows = [row for drawn in (first, second, *others) for row in drawn.flatten().tolist()]
    assert len(set(rows)) == len(rows)
    assert torch.equal(first, Draws(0, "noise", ids).words(8))


def test_seed_and_stream_cannot_be_taken_for_one_another() -> None:
    ids = torch.arange(2)
    assert not torch.equal(Draws(1, "2noise", ids).words(4), Draws(12, "noise", ids).words(4))


def test_the_number_of_the_call_counts_and_not_its_shape() -> None:
    ids = torch.arange(3)
    long, short = Draws(0, "a", ids), Draws(0, "a", ids)
    long.words(100)
    short.words(1)
    assert torch.equal(long.words(6), short.words(6))


def test_a_block_encrypts_its_number_the_call_and_the_id_and_its_words_follow_in_order() -> None:
    draws = Draws(2, "layout", torch.tensor([-3]))
    draws.words(1)
    counters = b"".join(struct.pack("<IIq", block, 1, -3) for block in range(3))
    encrypted = encrypt_bytes(np.frombuffer(counters, np.uint8), draws._key)
    assert draws.words(3, 3).flatten().tolist() == list(struct.unpack("<12I", encrypted.tobytes()))[:9]


def test_uniform_numbers_pass_a_kolmogorov_smirnov_test() -> None:
    numbers = Draws(0, "uniform", torch.arange(50)).uniform(1000, low=-2.0, high=3.0)
    assert numbers.dtype == torch.float64
    assert float(numbers.min()) >= -2.0
    assert float(numbers.max()) < 3.0
    assert stats.kstest(numbers.flatten().numpy(), stats.uniform(-2, 5).cdf).pvalue > 0.001


def test_normal_numbers_pass_a_kolmogorov_smirnov_test_and_have_the_moments() -> None:
    drawn = Draws(0, "normal", torch.arange(50)).normal(2001)
    assert drawn.dtype == torch.float32
    numbers = drawn.double().flatten().numpy()
    n = len(numbers)
    assert stats.kstest(numbers, "norm").pvalue > 0.001
    # Four standard errors of each moment.
    assert abs(numbers.mean()) < 4 / math.sqrt(n)
    assert abs(numbers.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs(stats.skew(numbers)) < 4 * math.sqrt(6 / n)
    assert abs(stats.kurtosis(numbers)) < 4 * math.sqrt(24 / n)


def test_bits_of_neighbouring_counters_ids_and_calls_are_fair_and_differ_in_half_of_their_places() -> None:
    draws = Draws(0, "bits", torch.arange(300))
    first, second = (np.unpackbits(draws.words(64).numpy().view(np.uint8), axis=1) for _ in range(2))
    flips = {
        "words alone": first,
        "neighbouring counters": first[:, :-128] ^ first[:, 128:],
        "neighbouring words": first[:, :-32] ^ first[:, 32:],
        "neighbouring ids": first[:-1] ^ first[1:],
        "calls": first ^ second,
        "seeds": first ^ np.unpackbits(Draws(1, "bits", torch.arange(300)).words(64).numpy().view(np.uint8), axis=1),
    }
    for what, bits in flips.items():
        assert abs(bits.mean() - 0.5) < 4 * 0.5 / math.sqrt(bits.size), what
        # Of 32 places of a word none is fixed or tied: five standard errors, as there are many.
        by_place = bits.reshape(len(bits), -1, 32).mean(axis=(0, 1))
        assert np.abs(by_place - 0.5).max() < 5 * 0.5 / math.sqrt(bits.size / 32), what


def test_numbers_of_neighbouring_ids_calls_and_elements_are_uncorrelated() -> None:
    draws = Draws(0, "correlation", torch.arange(200))
    first, second = (draws.normal(200).double().numpy() for _ in range(2))
    pairs = {
        "ids": (first[:-1], first[1:]),
        "calls": (first, second),
        "elements": (first[:, :-1], first[:, 1:]),
        "halves of one transform": (first[:, :100], first[:, 100:]),
    }
    for what, (left, right) in pairs.items():
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 4 / math.sqrt(left.size), what


def test_normal_numbers_are_finite_at_both_ends_of_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = torch.tensor([[[0, 2**32 - 1], [0, 2**32 - 1]]], dtype=torch.uint32)
    monkeypatch.setattr(Draws, "words", lambda self, *shape: ends)
    numbers = Draws(0, "ends", torch.arange(1)).normal(4)
    assert bool(numbers.isfinite().all())
    assert float(numbers.abs().max()) == pytest.approx(math.sqrt(2 * math.log(2**33)), rel=1e-6)


def test_integers_fill_their_range_evenly_and_leave_out_its_end() -> None:
    numbers = Draws(0, "integers", torch.arange(50)).integers(-3, 8, 1000)
    assert numbers.dtype == torch.int64
    values, counts = np.unique(numbers.numpy(), return_counts=True)
    assert values.tolist() == list(range(-3, 8))
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("width", [1, 2, 2**31])
def test_integers_stay_in_range_for_extreme_widths(width: int) -> None:
    numbers = Draws(4, "widths", torch.arange(20)).integers(5, 5 + width, 500)
    assert int(numbers.min()) >= 5
    assert int(numbers.max()) < 5 + width


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (0, 3), (1, 1)])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_any_shape_can_be_drawn_for_any_number_of_images(n: int, shape: tuple[int, ...]) -> None:
    draws = Draws(0, "shapes", torch.arange(n))
    assert len(draws) == n
    drawn = [draws.words(*shape), draws.uniform(*shape), draws.normal(*shape), draws.integers(0, 5, *shape)]
    assert [tuple(numbers.shape) for numbers in drawn] == [(n, *shape)] * 4


def test_global_generators_are_neither_read_nor_advanced() -> None:
    def states() -> tuple[object, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())  # noqa: NPY002

    before = states()
    first = everything(Draws(0, "global", IDS))
    assert states() == before
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        assert all(torch.equal(a, b) for a, b in zip(first, everything(Draws(0, "global", IDS)), strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_draws_the_words_of_the_cpu() -> None:
    on_cpu, on_gpu = Draws(6, "device", IDS), Draws(6, "device", IDS.cuda())
    for left, right in zip(everything(on_cpu), everything(on_gpu), strict=True):
        assert right.is_cuda
        assert torch.equal(left, right.cpu()) or (left.is_floating_point() and torch.allclose(left, right.cpu()))
