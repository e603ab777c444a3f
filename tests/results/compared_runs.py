"""Runs of methods with several seeds, to be compared."""

from collections.abc import Callable

import numpy as np
from answered_runs import put, put_sweep
from run_builder import RunBuilder

from robustsweep.results.compare.comparison import UnitComparison
from robustsweep.results.compare.paired_scores import Comparison

Make = Callable[..., RunBuilder]


def method(
    builder: RunBuilder,
    name: str,
    error: float,
    seeds: int,
    corruptions: tuple[str, ...] = ("fog",),
    *,
    first_seed: int = 0,
    called: str = "",
    **card: object,
) -> list:
    """Write the checkpoints of a method; a single one may be ``called`` otherwise than by method and seed."""
    found = []
    for seed in range(first_seed, first_seed + seeds):
        facts = {"device": "cpu", "seconds_per_epoch": 2.0 + seed + error}
        label = called or f"{name}-{seed}"
        builder.card(label, name, seed, recipe_hash="c" * 64, training=facts, **card)
        found.append(put_sweep(builder, label, error, seed + sum(map(ord, name)), corruptions))
    return found


def only(found: list[UnitComparison], name: str) -> Comparison:
    (one,) = [one for unit in found for one in unit.comparisons if one.score.name == name]
    return one


def clean_only(builder: RunBuilder, *names: str) -> None:
    for name in names:
        put(builder, name, {"name": "clean", "kind": "clean"}, np.arange(50) < 20)
