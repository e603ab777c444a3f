"""From clean images to corrupted ones: draw, apply, truncate, a bounded number of images at a time."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from robustsweep.corruptions.corruption import CORRUPTIONS
from robustsweep.corruptions.digital.jpeg import jpeg_round_trip
from robustsweep.corruptions.opencv import without_opencv_threads
from robustsweep.draws import Draws
from robustsweep.errors import DataError
from robustsweep.process.freed_memory import keep_freed_memory
from robustsweep.process.precision import undisturbed
from robustsweep.values import require_kind, whole_number

SMALLEST_SIDE = 32

# Colour values per pass. On a CPU they should stay near its cores; the hungriest corruption holds about 25 float32
# tensors of this size at once.
_VALUES_PER_PASS = {"cpu": 1 << 20, "cuda": 1 << 24}
# Passes over images of fewer pixels are made of so many small steps that threads would wait for each other.
_SMALLEST_FOR_THREADS = 64 * 64


@undisturbed()
def corrupt_batch(
    images: Tensor,
    name: str,
    severity: int,
    *,
    table: str,
    seed: int,
    ids: Tensor,
    jpeg_quality: int | None = None,
) -> Tensor:
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
        jpeg_quality: Quality of a JPEG round trip of the result, as the files of ImageNet-C had; None: none.

    Returns:
        uint8 tensor of the same shape on the same device.

    Raises:
        UsageError: If the corruption, the severity or the table is unknown, or the quality is out of range.
        DataError: If the images or ids have the wrong dtype or shape.
        MissingDependencyError: If the corruption needs a package that is not installed.
    """
    keep_freed_memory()
    corruption, seed = CORRUPTIONS[name], whole_number(seed, "seed")
    with CORRUPTIONS.using(name):
        parameters = corruption.parameters(table, severity)
    _check(images, ids)
    stream = f"corruption/{table}/{name}@{severity}"
    shape = (images.shape[1], images.shape[2], images.shape[3])
    corrupted = torch.empty_like(images, memory_format=torch.contiguous_format)

    size = max(1, _VALUES_PER_PASS.get(images.device.type, 1 << 20) // math.prod(shape))
    threads = 1
    if images.device.type == "cpu" and shape[1] * shape[2] >= _SMALLEST_FOR_THREADS:
        threads = torch.get_num_threads()

    def one_pass(rows: slice) -> None:
        chosen, chosen_ids = images[rows], ids[rows].to(images.device)
        with CORRUPTIONS.using(name):
            fields = corruption.sample(Draws(seed, stream, chosen_ids), shape, parameters)
            result = corruption.apply(chosen.contiguous(), parameters, fields)
        _check_result(name, result, chosen)
        if jpeg_quality is not None:
            result = jpeg_round_trip(result, jpeg_quality)
        corrupted[rows] = result

    with without_opencv_threads():
        _for_each(_evenly_cut(len(images), size, threads), one_pass, threads)
    return corrupted


def _evenly_cut(count: int, size: int, threads: int) -> list[slice]:
    """Cut into passes of at most ``size`` images, of equal length and as many for each thread if possible."""
    n_passes = min(count, -(-count // (size * threads)) * threads)
    bounds = [count * index // n_passes for index in range(n_passes + 1)] if count else [0]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _for_each(passes: list[slice], one_pass: Callable[[slice], None], threads: int) -> None:
    """Run the passes, each on one thread of its own if there are several: each core keeps its own cache.

    PyTorch's number of threads is the process's: one caller at a time may lower it, another works in its own thread.
    """
    if min(threads, len(passes)) < 2 or not _THREADS_TAKEN.acquire(blocking=False):
        for rows in passes:
            one_pass(rows)
        return
    allowed = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        futures = [_pool(allowed).submit(one_pass, rows) for rows in passes]
        for future in wait(futures).done:
            future.result()
    finally:
        torch.set_num_threads(allowed)
        _THREADS_TAKEN.release()


_THREADS_TAKEN = threading.Lock()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "corruptions")


def _check_result(name: str, result: object, images: Tensor) -> None:
    expected = (images.dtype, images.shape)
    if not isinstance(result, Tensor) or (result.dtype, result.shape) != expected:
        came = f"{result.dtype} {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise CORRUPTIONS.refuse(name, f"returned {came}, expected {images.dtype} {tuple(images.shape)}")


def _check(images: Tensor, ids: Tensor) -> None:
    hint = "torch.from_numpy(numpy.array(image)).permute(2, 0, 1)[None] makes one of a picture"
    require_kind(images, Tensor, "Corruptions need a tensor, uint8 (N, 3, H, W)", hint=hint, error=DataError)
    require_kind(ids, Tensor, "ids must be a tensor, int64 (N,)", hint="torch.arange(N) will do", error=DataError)
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
