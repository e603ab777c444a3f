"""Random numbers that belong to an image: a counter-based generator, the same on every device.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), AES with ten rounds.
The key is a hash of the seed and of a stream name; the 128-bit counter holds the number of the 4-word block, the number
of the call and the image's 64-bit id. Any two (seed, stream, id, call, element) therefore use different counters
or different keys, and no number depends on the batch, the order, the shard or the worker.

AES is chosen because processors have instructions for it, which OpenSSL uses for many blocks at once.
"""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

from robustsweep.aes import encrypt_bytes, encrypt_columns

_WORDS_PER_BLOCK = 4


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
        self._key = hashlib.blake2b(f"{seed}\0{stream}".encode(), digest_size=16).digest()
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
        n_blocks = max(1, -(-n_words // _WORDS_PER_BLOCK))
        make = self._words_by_openssl if self._ids.device.type == "cpu" else self._words_by_tensors
        words = make(n_blocks)
        self._calls += 1
        return words[:, :n_words].reshape(len(self), *shape).view(torch.uint32)

    def _words_by_openssl(self, n_blocks: int) -> Tensor:
        counters = np.empty((len(self), n_blocks, 2), dtype=np.uint64)
        counters[:, :, 0] = np.arange(n_blocks, dtype=np.uint64) + np.uint64(self._calls << 32)
        counters[:, :, 1] = self._ids.numpy().view(np.uint64)[:, np.newaxis]
        encrypted = encrypt_bytes(counters.reshape(-1).view(np.uint8), self._key)
        return torch.from_numpy(encrypted.view(np.int32)).view(len(self), n_blocks * _WORDS_PER_BLOCK)

    def _words_by_tensors(self, n_blocks: int) -> Tensor:
        device, shape = self._ids.device, (len(self), n_blocks)
        numbers = torch.arange(n_blocks, dtype=torch.int32, device=device).expand(shape)
        calls = torch.full((1, 1), self._calls, dtype=torch.int32, device=device).expand(shape)
        low, high = self._ids.contiguous().view(torch.int32).view(-1, 2, 1).unbind(1)
        columns = torch.stack((numbers, calls, low.expand(shape), high.expand(shape)), dim=-1)
        return encrypt_columns(columns, self._key).flatten(1)

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
