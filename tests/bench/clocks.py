"""The seconds that a call takes: on the wall for the CPU, between two events for a CUDA device."""

import time
from collections.abc import Callable

import torch

Call = Callable[[], object]
Clock = Callable[[Call], float]


def wall_seconds(call: Call) -> float:
    """Time one call that returns when its work is done."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def cuda_seconds(call: Call) -> float:
    """Time one call that queues work on the current CUDA stream, from an idle device to an idle device."""
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begun.record()
    call()
    ended.record()
    torch.cuda.synchronize()
    return begun.elapsed_time(ended) / 1e3


def clock_of(device: torch.device) -> Clock:
    """Choose the clock for work on a device."""
    return cuda_seconds if device.type == "cuda" else wall_seconds


def least_seconds(clock: Clock, call: Call, rounds: int = 5) -> float:
    """Return the least seconds of a call after one warm-up: what it takes when nothing disturbs it."""
    call()
    return min(clock(call) for _ in range(rounds))
