"""What a sweep costs beyond its forward passes: both in turn, one severity of the fifteen corruptions after another.

Run as ``python tests/bench/sweep_cost.py DATA CHECKPOINT ... [--severities 1 3 5] [--c-bar]``.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep.batch_sizes import choose_batch_size
from robustsweep.benchmark.sweep.evaluation import to_unit_range
from robustsweep.benchmark.sweep.sweep import run_sweep
from robustsweep.corruptions import CIFAR_C_BAR, COMMON
from robustsweep.results.stored.store import CellStore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--severities", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--c-bar", action="store_true", help="with the ten of CIFAR-C-bar as well")
    asked = parser.parse_args()
    names = (*COMMON, *(CIFAR_C_BAR if asked.c_bar else ()))
    console, device = Console(highlight=False), torch.device("cpu")
    data = open_data(asked.data)
    assert isinstance(data, Dataset), "clean images are corrupted on the fly"
    source = Source.choose(data, limit=asked.limit, seed=0)
    checkpoints = [found for spec in asked.checkpoints for found in resolve(spec)]
    modules = [checkpoint.load().to(memory_format=torch.channels_last) for checkpoint in checkpoints]
    images, batch_size = data.images(source.positions), choose_batch_size(data.size, device)
    console.print(f"{len(images)} images of {data.name}, {len(modules)} checkpoints")

    @torch.inference_mode()
    def bare_passes(times: int) -> float:
        begun = time.perf_counter()
        for _ in range(times):
            for module in modules:
                np.concatenate([module(to_unit_range(b, device)).argmax(1).numpy() for b in images.split(batch_size)])
        return time.perf_counter() - begun

    bare_passes(1)
    total_sweep = total_bare = 0.0
    for severity in asked.severities:
        conditions = conditions_of([f"{name}@{severity}" for name in names])
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            run_sweep(make_plan(source, checkpoints, conditions), CellStore(Path(folder)))
            sweep_s = time.perf_counter() - begun
        bare_s = bare_passes(len(conditions))
        total_sweep, total_bare = total_sweep + sweep_s, total_bare + bare_s
        ratio = sweep_s / bare_s
        console.print(f"severity {severity}: sweep {sweep_s:.1f} s, bare passes {bare_s:.1f} s, ratio {ratio:.3f}")
    console.print(
        f"all: sweep {total_sweep:.1f} s, bare passes {total_bare:.1f} s, ratio {total_sweep / total_bare:.3f}"
    )


if __name__ == "__main__":
    main()
