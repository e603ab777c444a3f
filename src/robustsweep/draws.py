"""Random numbers that belong to an image: a counter-based generator, the same on every device.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), Philox-4x64-10.
The key is a hash of the seed and of a stream name; the 256-bit counter holds the number of the 4-word block, the number
of the call and the image's 64-bit id. Any two (seed, stream, id, call, element) therefore use different counters
or different keys, and no number depends on the batch, the order, the shard or the worker.

On the CPU NumPy's implementation makes the words, elsewhere, and where it is compiled, tensor code does: the words are
the same.
"""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

from robustsweep.kernels import is_compiling_kernels, kernel

_MASK = 0xFFFFFFFF
_ROUNDS = 10
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)

# Blocks for each image from which a compiled kernel is worth its compilation.
_WORTH_COMPILING = 64

Words = tuple[Tensor, Tensor, Tensor, Tensor]


def _signed(word: int) -> int:
    """Read the low 64 bits of an integer as int64 does."""
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word


def _high_product(word: Tensor, factor: int) -> Tensor:
    """Return the upper 64 bits of the 128-bit product of two unsigned words, from products of their halves."""
    low, high = word & _MASK, (word >> 32) & _MASK
    factor_low, factor_high = factor & _MASK, factor >> 32
    # Products wrap in int64, but their bits are the right ones.
    low_high, high_low = low * factor_high, high * factor_low
    carry = ((low * factor_low) >> 32 & _MASK) + (low_high & _MASK) + (high_low & _MASK)
    return high * factor_high + (low_high >> 32 & _MASK) + (high_low >> 32 & _MASK) + (carry >> 32)


def _round_keys(key: tuple[int, int]) -> Tensor:
    """Return the keys of all rounds, int64 (2, 10): the bits of unsigned 64-bit words."""
    return torch.tensor(
        [[_signed(k + number * w) for number in range(_ROUNDS)] for k, w in zip(key, _WEYL, strict=True)]
    )


def _encrypted(counter: Words, round_keys: Tensor) -> Words:
    c0, c1, c2, c3 = counter
    for k0, k1 in round_keys.unbind(1):
        high0, low0 = _high_product(c0, _MULTIPLIERS[0]), c0 * _signed(_MULTIPLIERS[0])
        high1, low1 = _high_product(c2, _MULTIPLIERS[1]), c2 * _signed(_MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
    return c0, c1, c2, c3


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Encrypt counters with Philox-4x64-10.

    Args:
        counter: Four int64 tensors that broadcast together: the bits of unsigned 64-bit words.
        key: Two integers in [0, 2**64).

    Returns:
        Four int64 tensors: the bits of unsigned 64-bit random words.
    """
    return _encrypted(counter, _round_keys(key).to(counter[0].device))


@kernel
def _blocks(numbers: Tensor, call: Tensor, ids: Tensor, round_keys: Tensor) -> Tensor:
    """Make blocks of words, int64 (N, 4 * n), from their numbers (1, n), the call (1, 1) and the ids (N, 1)."""
    # All counters are expanded at once: fewer intermediate results of a compiled kernel go through memory.
    n0, n1, n2, n3 = (part.expand(len(ids), numbers.shape[1]) for part in (numbers, call, ids, torch.zeros_like(call)))
    return torch.stack(_encrypted((n0, n1, n2, n3), round_keys), dim=2).flatten(1)


@kernel
def _box_muller(radius: Tensor, angle: Tensor) -> Tensor:
    """Transform words, float32 (N, count) each, to normal numbers, (N, 2 * count)."""
    # A float32 keeps 24 bits at any magnitude, and with them the tail. Half a step keeps zero from the logarithm.
    radius = radius.add(0.5).mul_(2.0**-32).log_().mul_(-2.0).sqrt_()
    angle = angle.mul(2.0 * math.pi * 2.0**-32)
    return torch.cat((angle.cos().mul_(radius), angle.sin_().mul_(radius)), dim=1)


class Draws:
    """A stream of random tensors for a batch of images, one row per image.

    Successive calls give independent numbers. Two objects with the same seed and stream give the same row for
    the same id and the same sequence of calls, whatever other ids are in the batch.

    Args:
        seed: The run's seed, any integer.
        stream: Name of what the numbers are for, such as ``"corruption/fog@3"``.
        ids: int64 tensor of shape (N,): the images' ids. Its device is where numbers are made.
    """

    def __init__(self, seed: int, stream: str, ids: Tensor) -> None:
        digest = hashlib.blake2b(f"{seed}\0{stream}".encode(), digest_size=16).digest()
        self._key = (int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))
        self._ids = ids
        self._calls = 0

    def __len__(self) -> int:
        return len(self._ids)

    def words(self, *shape: int) -> Tensor:
        """Draw 32-bit words.

        Returns:
            uint32 tensor of shape (N, *shape), of which PyTorch can do little more than to convert it.
        """
        if not len(self):
            return torch.empty((0, *shape), dtype=torch.uint32, device=self._ids.device)
        n_words = math.prod(shape)
        n_blocks = max(1, -(-n_words // 8))
        by_numpy = self._ids.device.type == "cpu" and not (is_compiling_kernels() and n_blocks >= _WORTH_COMPILING)
        words = self._words_by_numpy(n_blocks) if by_numpy else self._words_by_torch(n_blocks)
        self._calls += 1
        return words.view(torch.int32)[:, :n_words].reshape(len(self), *shape).view(torch.uint32)

    def _words_by_numpy(self, n_blocks: int) -> Tensor:
        generator = np.random.Philox(key=np.array(self._key, dtype=np.uint64))
        state = generator.state
        words = np.empty((len(self), 4 * n_blocks), dtype=np.uint64)
        for row, image_id in zip(words, self._ids.tolist(), strict=True):
            # The generator counts before it encrypts, so that the first block has number 1.
            state["state"]["counter"][:] = (0, self._calls, image_id & ((1 << 64) - 1), 0)
            generator.state = state
            row[:] = generator.random_raw(row.size)
        return torch.from_numpy(words.view(np.int64))

    def _words_by_torch(self, n_blocks: int) -> Tensor:
        device = self._ids.device
        # Numbered outside of the kernel: compiled by torch 2.15, one that counts by itself gives wrong words.
        numbers = torch.arange(1, n_blocks + 1, device=device).unsqueeze(0)
        call = torch.tensor([[self._calls]], device=device)
        return _blocks(numbers, call, self._ids.unsqueeze(1), _round_keys(self._key).to(device))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float64) -> Tensor:
        """Draw from the uniform distribution on [low, high); float32 may round up to ``high``.

        Returns:
            Tensor of shape (N, *shape) with 32 random bits each in float64, 24 in float32.
        """
        return self.words(*shape).to(dtype).mul_((high - low) * 2.0**-32).add_(low)

    def normal(self, *shape: int) -> Tensor:
        """Draw from the standard normal distribution (Box and Muller's transform of two words).

        Returns:
            float32 tensor of shape (N, *shape); no value is beyond 6.7 in magnitude.
        """
        count = math.prod(shape)
        radius, angle = self.words(2, -(-count // 2)).to(torch.float32).unbind(1)
        return _box_muller(radius, angle)[:, :count].reshape(len(self), *shape)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Draw integers from [low, high), the upper end excluded.

        A word is scaled by the width of the range; the bias is at most the width divided by 2**32.

        Returns:
            int64 tensor of shape (N, *shape).
        """
        # Float64 holds the product to 53 bits, so that it cannot round up to the end.
        scaled = self.words(*shape).to(torch.float64).mul_((high - low) * 2.0**-32)
        return scaled.to(torch.int64).add_(low)
