"""Random numbers that belong to an image: a counter-based generator, the same on every device.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), Philox-4x32-10.
The key is a hash of the seed and of a stream name; the 128-bit counter holds the image's 64-bit id, the number of the
call and the number of the 4-word block. Any two (seed, stream, id, call, element) therefore use different
counters or different keys, and no number depends on the batch, the order, the shard or the worker.
"""

import hashlib
import math

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_MULTIPLIER = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
# Blocks per pass: 4 words of 8 bytes each, small enough to stay in a core's cache.
_BLOCKS_PER_PASS = 1 << 16

Words = tuple[Tensor, Tensor, Tensor, Tensor]


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Encrypt counters with Philox-4x32-10.

    Args:
        counter: Four int64 tensors that broadcast together, each holding values in [0, 2**32).
        key: Two integers in [0, 2**32).

    Returns:
        Four int64 tensors of 32-bit random words, values in [0, 2**32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        # The product of two 32-bit words wraps in int64, but its bits are the right ones.
        p0, p1 = c0 * _MULTIPLIER[0], c2 * _MULTIPLIER[1]
        c0, c1, c2, c3 = (
            ((p1 >> 32) & _MASK) ^ c1 ^ k0,
            p1 & _MASK,
            ((p0 >> 32) & _MASK) ^ c3 ^ k1,
            p0 & _MASK,
        )
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


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
        digest = hashlib.blake2b(f"{seed}\0{stream}".encode(), digest_size=8).digest()
        self._key = (int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little"))
        self._id_words = ((ids & _MASK).unsqueeze(1), ((ids >> 32) & _MASK).unsqueeze(1))
        self._calls = 0

    def __len__(self) -> int:
        return self._id_words[0].shape[0]

    def words(self, *shape: int) -> Tensor:
        """Draw 32-bit words.

        Returns:
            int64 tensor of shape (N, *shape), values in [0, 2**32).
        """
        n_words = math.prod(shape)
        n_blocks = -(-n_words // 4)
        low, high = self._id_words
        out = torch.empty((len(self), n_blocks, 4), dtype=torch.int64, device=low.device)
        call = torch.tensor([[self._calls]], device=low.device)
        self._calls += 1
        rows_per_pass = max(1, _BLOCKS_PER_PASS // max(n_blocks, 1))
        blocks = torch.arange(n_blocks, device=low.device).unsqueeze(0)
        for start in range(0, len(self), rows_per_pass):
            rows = slice(start, start + rows_per_pass)
            for column, word in enumerate(philox((blocks, call, low[rows], high[rows]), self._key)):
                out[rows, :, column] = word
        return out.flatten(1)[:, :n_words].reshape(len(self), *shape)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw from the uniform distribution on [low, high).

        Returns:
            float64 tensor of shape (N, *shape) with 32 random bits each.
        """
        return self.words(*shape).to(torch.float64).mul_((high - low) * 2.0**-32).add_(low)

    def normal(self, *shape: int) -> Tensor:
        """Draw from the standard normal distribution (Box and Muller's transform of two words).

        The transform runs in float64, so that vectorised and scalar code of the maths library agree after rounding
        and the pixels do not depend on the batch size.

        Returns:
            float32 tensor of shape (N, *shape); no value is beyond 6.7 in magnitude.
        """
        count = math.prod(shape)
        words = self.words(2, -(-count // 2)).to(torch.float64)
        radius = words[:, 0].add_(1.0).mul_(2.0**-32).log_().mul_(-2.0).sqrt_()
        angle = words[:, 1].mul_(2.0 * math.pi * 2.0**-32)
        out = torch.empty((len(self), 2, radius.shape[1]), dtype=torch.float32, device=radius.device)
        out[:, 0] = radius * angle.cos()
        out[:, 1] = radius * angle.sin()
        return out.flatten(1)[:, :count].reshape(len(self), *shape)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Draw integers from [low, high), the upper end excluded.

        A word is scaled by the width of the range; the bias is at most the width divided by 2**32.

        Returns:
            int64 tensor of shape (N, *shape).
        """
        return (self.words(*shape) * (high - low) >> 32) + low
