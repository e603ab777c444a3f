"""Runs of many checkpoints that were never trained: plausible answers, image by image, through the run's own writer.

Images that are hard for one checkpoint are hard for all; methods differ by up to ten points, seeds by less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.stored.cells import Cell, Counts, Examples, Json, identity_key
from robustsweep.results.stored.compact.layout import compacted, summarised
from robustsweep.results.stored.store import CellStore

SEEDS = 5
_CLASSES = 10
_EPS = ("1/255", "2/255", "4/255", "8/255")
_IMAGES_KEY = identity_key({"images": "synthetic"})


@dataclass(frozen=True)
class Size:
    """How large a run is."""

    checkpoints: int
    images: int = 10_000
    seeds: int = SEEDS


def write_run(root: Path, size: Size, *, compact: bool) -> None:
    """Write checkpoints of clean images, the fifteen corruptions at five severities, FGSM and a PGD ladder.

    Args:
        root: The run folder.
        size: Checkpoints, images, and seeds per method.
        compact: Whether the checkpoints are compacted and have no folders of cells, or the reverse.
    """
    store, rng = CellStore(root), np.random.Generator(np.random.Philox(0))
    labels, hard = rng.integers(0, _CLASSES, size.images), rng.random(size.images, np.float32)
    store.write_images(_IMAGES_KEY, np.arange(size.images), labels)
    wanted = []
    for number in range(size.checkpoints):
        checkpoint = _checkpoint(number, size)
        store.write_checkpoint(checkpoint)
        ease = 0.1 * np.sin(number // size.seeds) + 0.01 * np.sin(number)
        cells = list(_cells(checkpoint, float(ease), labels, hard, rng))
        wanted += [
            {
                "key": c.key,
                "checkpoint_id": checkpoint["id"],
                "checkpoint": checkpoint["name"],
                "condition": c.condition["name"],
            }
            for c, _ in cells
        ]
        if compact:
            summaries = [(cell, summarised(examples, labels)) for cell, examples in cells]
            store.write_compacted(checkpoint["id"], compacted(summaries))
        else:
            for cell, examples in cells:
                store.write(cell, examples)
    store.write_plan(wanted)


def _weights(number: int) -> Json:
    return {"weights": number, "architecture": "resnet20"}


def _checkpoint(number: int, size: Size) -> Json:
    method, seed = f"method{number // size.seeds:03d}", number % size.seeds
    card = {
        "architecture": "resnet20",
        "classes": _CLASSES,
        "normalisation": {"mean": [0.5] * 3, "std": [0.5] * 3},
        "method": method if number >= size.seeds else "baseline",
        "method_parameters": {"alpha": 1.0, "probability": 0.5},
        "data": "synthetic",
        "data_fingerprint": "d" * 64,
        "recipe": "cifar-fast",
        "recipe_hash": "e" * 64,
        "epochs": 30,
        "batch_size": 128,
        "optimiser": "sgd(lr=0.1, momentum=0.9, weight_decay=0.0005)",
        "seed": seed,
        "epoch_kept": "last",
        "training": {"seconds_per_epoch": 10.0 + number % 7, "wall_seconds": 300.0, "device": "cuda"},
    }
    return {"id": identity_key(_weights(number))[:12], "number": number, "name": f"{method}-{seed}", "card": card}


def _conditions() -> Iterator[tuple[Json, float]]:
    """Yield each condition with its error rate."""
    yield {"name": "clean", "kind": "clean"}, 0.08
    for place, corruption in enumerate(CORRUPTIONS):
        for severity in SEVERITIES:
            described = {"name": f"{corruption}@{severity}", "kind": "corruption", "corruption": corruption}
            described |= {"severity": severity, "table": "cifar", "jpeg_quality": None}
            yield described, 0.1 + 0.08 * severity + 0.01 * place
    for name, rule, eps, steps in (("fgsm-linf@8/255", "fgsm", _EPS[3:], 1), ("pgd10-linf", "pgd", _EPS, 10)):
        described = {"name": name, "kind": "attack", "attack": rule, "norm": "linf", "eps": list(eps), "steps": steps}
        described |= {"eps_value": [int(text.split("/")[0]) / 255 for text in eps], "step_ratio": "1/4", "restarts": 1}
        yield described | {"random_start": steps > 1, "single_step": steps == 1}, 0.9


def _cells(
    checkpoint: Json, ease: float, labels: np.ndarray, hard: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[Cell, Examples]]:
    n = len(labels)
    data = {
        "name": "synthetic",
        "split": "test",
        "fingerprint": "f" * 64,
        "provenance": "generated",
        "preprocessing": "none",
        "n_total": n,
        "classes": _CLASSES,
        "subset": None,
        "images_key": _IMAGES_KEY,
        "notes": [],
    }
    recorded = {"device": "cuda", "batch_size": 2000, "seconds": 1.5}
    recorded["versions"] = {"python": "3.11.9", "robustsweep": "0.1.0", "torch": "2.10.0", "numpy": "2.4.0"}
    for condition, error in _conditions():
        difficulty = 0.7 * hard + 0.3 * rng.random(n, np.float32)
        wrong = difficulty < error - ease * error
        confidence = np.clip(1 - 0.5 * difficulty, 0, 1).astype(np.float32)
        nll, brier = np.where(wrong, 2.0, 0.2).astype(np.float32), np.where(wrong, 1.2, 0.1).astype(np.float32)
        arrays = {
            "prediction": np.where(wrong, (labels + 1) % _CLASSES, labels).astype(np.int32),
            "top5_hit": ~(wrong & (rng.random(n, np.float32) < 0.2)),
            "confidence": confidence,
            "nll": nll,
            "brier": brier,
        }
        robust: tuple[int, ...] = ()
        drawn = {} if condition["kind"] == "clean" else {"seed": 0}
        if condition["kind"] == "attack":
            eps = len(condition["eps"])
            held = np.where(wrong, np.minimum((difficulty / error * (eps + 1)).astype(int) - 1, eps - 1), eps)
            arrays |= {"rung": held.astype(np.int8), "restart": np.zeros(n, np.int16), "step": np.zeros(n, np.int16)}
            robust = tuple(int((held > k).sum()) for k in range(eps))
        counts = Counts(
            n,
            int((~wrong).sum()),
            int(arrays["top5_hit"].sum()),
            robust,
            int((arrays["rung"] >= 0).sum()) if robust else None,
        )
        identity = {
            "protocol": 3,
            "precision": "float32",
            "checkpoint": _weights(checkpoint["number"]),
            "images": _IMAGES_KEY,
            "provenance": "generated",
            "condition": condition | drawn,
        }
        means = {name: float(arrays[name].mean(dtype=np.float64)) for name in ("confidence", "nll", "brier")}
        yield Cell(identity, checkpoint, data, condition, counts, means, recorded), Examples(**arrays)
