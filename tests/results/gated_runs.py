"""Pairs of synthetic runs to be gated."""

from collections.abc import Callable

import numpy as np
from answered_runs import corrupted, put, put_ladder, put_sweep
from run_builder import RunBuilder

from robustsweep.results.gate.outcome import Outcome, run_gate

Make = Callable[..., RunBuilder]


CLEAN = {"name": "clean", "kind": "clean"}


def one_cell(make_builder: Make, folder: str, wrong: np.ndarray, name: str = "net", **changes: object) -> RunBuilder:
    builder = make_builder(folder, n=len(wrong), **changes)
    builder.card(name, None, None, weights=folder)
    put(builder, name, CLEAN, wrong)
    return builder


def first(count: int, n: int) -> np.ndarray:
    return np.arange(n) < count


def gate(baseline: RunBuilder, candidate: RunBuilder, *margins: str) -> Outcome:
    return run_gate(candidate.root, baseline.root, margins)


def pair_of_sweeps(make_builder: Make, n: int = 400) -> tuple[RunBuilder, RunBuilder]:
    base, new = make_builder("base", n=n), make_builder("new", n=n)
    base.card("old net", None, None)
    new.card("new net", None, None)
    put_sweep(base, "old net", 0.3, 1)
    put_sweep(new, "new net", 0.3, 2)
    for s in range(1, 6):  # fog alone gets worse
        put(new, "new net", corrupted(new, "fog", s), first(200, n))
        put(base, "old net", corrupted(base, "fog", s), first(120, n))
    put_ladder(base, "old net", [0] * 100 + [2] * (n - 100), ["1/255", "8/255"])
    put_ladder(new, "new net", [0] * 100 + [1] * 100 + [2] * (n - 200), ["1/255", "8/255"])
    return base, new
