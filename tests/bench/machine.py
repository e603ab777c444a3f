"""Key facts of the machine that a benchmark runs on, without which its numbers say little."""

import os
import platform
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from clocks import least_seconds, wall_seconds

from robustsweep.draws import Draws
from robustsweep.process.freed_memory import keep_freed_memory

_IMAGES, _VALUES = 64, 3 * 32 * 32


def facts() -> Iterator[str]:
    """Yield lines that describe processor, threads, load, and what a random number and a copied byte cost."""
    capability, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    yield f"{_model()}, {os.cpu_count()} cores, PyTorch uses {capability} and {threads} threads"
    yield f"load before this run: {os.getloadavg()[0]:.2f} processes" if hasattr(os, "getloadavg") else "load unknown"
    keep_freed_memory()
    ids, values = torch.arange(_IMAGES), _IMAGES * _VALUES
    least = partial(least_seconds, wall_seconds, rounds=15)
    word = least(lambda: Draws(0, "bench", ids).words(_VALUES)) / values
    normal = least(lambda: Draws(0, "bench", ids).normal(_VALUES)) / values
    source = torch.zeros(64 << 20, dtype=torch.uint8)
    copy = len(source) / least(source.clone)
    yield f"random word {word * 1e9:.2f} ns, normal number {normal * 1e9:.2f} ns, copy {copy / 1e9:.1f} GB/s"


def _model() -> str:
    """Name the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    print("\n".join(facts()))
