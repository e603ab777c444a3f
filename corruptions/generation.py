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

# The hungriest corruption holds about 25 float32 tensors of this size at once.
_VALUES_PER_PASS_ON_GPU = 1 << 24


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

    on_cpu = images.device.type == "cpu"
    values = corruption.values_per_pass if on_cpu else _VALUES_PER_PASS_ON_GPU
    passes = _split(len(images), max(1, values // math.prod(shape)), torch.get_num_threads() if on_cpu else 1)
    _for_each(passes, one_pass, images.device)
    return corrupted


def _split(count: int, most: int, threads: int) -> list[slice]:
    """Cut a batch into passes of equal size, of at most ``most`` images, as many for each thread where possible."""
    n_passes = min(count, -(-count // (most * threads)) * threads)
    bounds = [count * index // n_passes for index in range(n_passes + 1)] if count else [0]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _for_each(passes: list[slice], one_pass: Callable[[slice], None], device: torch.device) -> None:
    """Run the passes, on the CPU in as many threads as PyTorch may use, each thread on a pass of its own.

    That leaves each core its own cache, where two threads on one pass would meet after every operation.
    """
    threads = min(torch.get_num_threads(), len(passes))
    if device.type != "cpu" or threads == 1 or threading.current_thread().name.startswith(_THREAD_NAME):
        for rows in passes:
            one_pass(rows)
        return
    for _ in _pool(torch.get_num_threads()).map(one_pass, passes):
        pass


_THREAD_NAME = "corruptions"


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, _THREAD_NAME, initializer=torch.set_num_threads, initargs=(1,))
    # Only the pool's threads are to be single; PyTorch hands the last number set to threads that are new.
    barrier = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(barrier.wait)
    barrier.wait()
    torch.set_num_threads(threads)
    return pool


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
