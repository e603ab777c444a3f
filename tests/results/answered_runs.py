"""Runs whose cells hold per-image answers, drawn from a seeded generator."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from run_builder import RunBuilder, answers_of

from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.stored.cells import Cell, Counts, Examples


def corrupted(builder: RunBuilder, corruption: str, severity: int) -> dict[str, object]:
    """Describe a corruption's condition."""
    condition = {"name": f"{corruption}@{severity}", "kind": "corruption", "corruption": corruption}
    return condition | {"severity": severity, "table": builder.table, "jpeg_quality": None}


def put(builder: RunBuilder, name: str, condition: dict[str, object], wrong: np.ndarray, **changes: object) -> Cell:
    """Write a cell whose images are wrong where ``wrong`` says so; labels are all 1 and confidence 0.75."""
    n_right = int((~wrong).sum())
    half = np.full(len(wrong), 0.75, np.float32)
    nll = np.where(wrong, 2.0, 0.25).astype(np.float32)
    means = {"confidence": 0.75, "nll": float(nll.mean(dtype=np.float64)), "brier": 0.75}
    cell = builder.cell(name, condition, Counts(len(wrong), n_right, n_right), **({"means": means} | changes))
    examples = Examples(np.where(wrong, 0, 1).astype(np.int32), ~wrong, half, nll, half)
    builder.store.write(cell, examples)
    builder.store.write_images(builder.data["images_key"], np.arange(len(wrong)), np.ones(len(wrong), np.int64))
    return cell


def put_ladder(
    builder: RunBuilder, name: str, rung: Sequence[int], eps: Sequence[str], labels: np.ndarray | None = None
) -> Cell:
    """Write an iterative attack whose images hold out until the given eps level; labels are all 1 unless given."""
    labels = np.ones(len(rung), np.int64) if labels is None else labels
    held = np.array(rung, np.int8)
    condition = {"name": "pgd10-linf", "kind": "attack", "attack": "pgd", "norm": "linf", "eps": list(eps)}
    condition |= {"eps_value": [int(e.split("/")[0]) / 255 for e in eps], "steps": 10, "step_ratio": "1/4"}
    condition |= {"restarts": 1, "random_start": True, "single_step": False}
    robust = tuple(int((held > k).sum()) for k in range(len(eps)))
    cell = builder.cell(name, condition, Counts(len(held), 0, 0, robust, int((held >= 0).sum())))
    none, wrong = np.full(len(held), -1, np.int16), (labels - 1).astype(np.int32)
    builder.store.write(cell, replace(answers_of(cell), prediction=wrong, rung=held, restart=none, step=none))
    builder.store.write_images(builder.data["images_key"], np.arange(len(held)), labels)
    return cell


def put_sweep(
    builder: RunBuilder,
    name: str,
    error: float,
    seed: int,
    corruptions: Sequence[str] = CORRUPTIONS,
    shared: int = 0,
) -> dict[str, np.ndarray]:
    """Write clean images and corruptions; images that are hard for one checkpoint are hard for all of one ``shared``.

    Returns:
        Whether each image was wrong, by condition.
    """
    rng, hard = np.random.default_rng(seed), np.random.default_rng(shared).random(builder.n)
    wrong = {}
    conditions = [{"name": "clean", "kind": "clean"}]
    conditions += [corrupted(builder, c, s) for c in corruptions for s in SEVERITIES]
    for condition in conditions:
        found = 0.7 * hard + 0.3 * rng.random(builder.n) < error
        put(builder, name, condition, found)
        wrong[str(condition["name"])] = found
    return wrong
