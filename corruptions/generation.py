"""From clean images to corrupted ones: draw, apply, truncate, a bounded number of images at a time."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import CORRUPTIONS
from robustsweep.draws import Draws
from robustsweep.errors import DataError

SMALLEST_SIDE = 32

# Colour values per pass. On a CPU they should stay near its cores; the hungriest corruption holds about 25 float32
# tensors of this size at once.
_VALUES_PER_PASS = {"cpu": 1 << 20, "cuda": 1 << 24}
# Passes over images of fewer pixels are made of so many small steps that threads would wait for each other.
_SMALLEST_FOR_THREADS = 64 * 64


def corrupt(images: Tensor, name: str, severity: int, *, table: str, seed: int, ids: Tensor) -> Tensor:
    """Corrupt a batch of images.

    An image's result is a function of (seed, table, name, severity, its id, its pixels) alone: neither the batch
    nor the order changes it. As in the published generators the result is clipped and truncated, not rounded, to
    8 bits.

    Args:
        images: uint8 tensor (N, 3, H, W), at least 32 pixels on each side, on any device.
        name: Name of a registered corruption.
        severity: Integer from 1 to 5.
        table: Which severity constants: ``"cifar"``, ``"tiny"``, ``"imagenet"`` or ``"inception"``; see
            ``table_for``.
        seed: The run's seed.
        ids: int64 tensor (N,): the images' ids, each of which names an independent stream of random numbers.

    Returns:
        uint8 tensor of the same shape on the same device.

    Raises:
        UsageError: If the corruption, the severity or the table is unknown.
        DataError: If the images or ids have the wrong dtype or shape.
        MissingDependencyError: If the corruption needs a package that is not installed.
    """
    corruption = CORRUPTIONS[name]
    parameters = corruption.parameters(table, severity)
    _check(images, ids)
    stream = f"corruption/{table}/{name}@{severity}"
    shape = (images.shape[1], images.shape[2], images.shape[3])
    corrupted = torch.empty_like(images, memory_format=torch.contiguous_format)

    def one_pass(rows: slice) -> None:
        fields = corruption.sample(Draws(seed, stream, ids[rows].to(images.device)), shape, parameters)
        corrupted[rows] = corruption.apply(images[rows].contiguous(), parameters, fields)

    threads = (
        torch.get_num_threads() if images.device.type == "cpu" and shape[1] * shape[2] >= _SMALLEST_FOR_THREADS else 1
    )
    values = _VALUES_PER_PASS.get(images.device.type, 1 << 20)
    _for_each(_split(len(images), max(1, values // math.prod(shape)), threads), one_pass, threads)
    return corrupted


def _split(count: int, most: int, threads: int) -> list[slice]:
    """Cut a batch into passes of equal size, of at most ``most`` images, as many for each thread where possible."""
    n_passes = min(count, -(-count // (most * threads)) * threads)
    bounds = [count * index // n_passes for index in range(n_passes + 1)] if count else [0]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _for_each(passes: list[slice], one_pass: Callable[[slice], None], threads: int) -> None:
    """Run the passes, each on one thread of its own where there are several: each core keeps its own cache.

    PyTorch's number of threads is the process's: one caller at a time may lower it, another works in its own thread.
    """
    if min(threads, len(passes)) < 2 or not _THREADS_TAKEN.acquire(blocking=False):
        for rows in passes:
            one_pass(rows)
        return
    allowed = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in _pool(allowed).map(one_pass, passes):
            pass
    finally:
        torch.set_num_threads(allowed)
        _THREADS_TAKEN.release()


_THREADS_TAKEN = threading.Lock()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "corruptions")


def _check(images: Tensor, ids: Tensor) -> None:
    if images.dtype != torch.uint8:
        raise DataError(f"Corruptions need uint8 images, not {images.dtype}; scale to 0..255 and convert.")
    if images.ndim != 4 or images.shape[1] != 3:
        raise DataError(f"Corruptions need images of shape (N, 3, H, W), not {tuple(images.shape)}.")
    if min(images.shape[2:]) < SMALLEST_SIDE:
        size = f"{images.shape[2]} x {images.shape[3]}"
        raise DataError(
            f"Corruptions need at least {SMALLEST_SIDE} pixels on each side, not {size}; resize the images."
        )
    if ids.dtype != torch.int64 or ids.shape != images.shape[:1]:
        came = f"{ids.dtype} of {tuple(ids.shape)}"
        raise DataError(f"ids must be int64 of shape ({images.shape[0]},), one id per image, not {came}.")
