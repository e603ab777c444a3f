"""Small synthetic runs, built cell by cell."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.stored.cells import Cell, Counts, Examples, identity_key
from robustsweep.results.stored.json.documents import sealed
from robustsweep.results.stored.store import CellStore


def means_of(examples: Examples) -> dict[str, float]:
    """Average what a cell averages."""
    arrays = examples.arrays()
    return {name: float(arrays[name].mean(dtype=np.float64)) for name in ("confidence", "nll", "brier")}


def resealed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what a document says, and give it the checksum that belongs to it."""
    content = json.loads(path.read_text())
    del content["sha256"], content["schema_version"]
    change(content)
    path.write_bytes(sealed(content))


def answers_of(cell: Cell) -> Examples:
    """Make per-image arrays that give the counts and means of a cell; the labels are not asked."""
    counts, rung = cell.counts, None
    if counts.n_robust:
        # From the last eps to the first, as many images as fall there.
        held = np.full(counts.n, -1 if counts.n_clean_right is not None else 0)
        for k, standing in enumerate((counts.n_clean_right or 0, *counts.n_robust)):
            held[:standing] = k
        rung = held.astype(np.int8)
    hits = np.arange(counts.n) < counts.n_top5_right
    means = (np.full(counts.n, cell.means[name], np.float32) for name in ("confidence", "nll", "brier"))
    return Examples(np.zeros(counts.n, np.int32), hits, *means, rung=rung)


class RunBuilder:
    """Writes cells of one data set into one run folder."""

    def __init__(self, root: Path, n: int = 1000, classes: int = 10, data: str = "shapes", **changes: Any) -> None:
        self.store = CellStore(root)
        self.root = root
        self.n = n
        self.data = {
            "name": data,
            "split": "test",
            "fingerprint": "f" * 64,
            "provenance": "generated",
            "n_total": n,
            "classes": classes,
            "subset": None,
            "images_key": "a" * 64,
            "preprocessing": "none",
            "notes": [],
        } | changes
        self.table: str = "imagenet" if classes == 1000 else "cifar"
        self.cards: dict[str, dict[str, Any]] = {}

    def card(self, name: str, method: str | None, seed: int | None = 0, **changes: Any) -> None:
        card = {"architecture": "resnet20", "method": method, "method_parameters": {}, "seed": seed}
        self.cards[name] = card | {"classes": self.data["classes"]} | changes

    def cell(self, name: str, condition: dict[str, Any], counts: Counts, **changes: Any) -> Cell:
        card = self.cards.setdefault(name, {"architecture": "resnet20", "method": None, "seed": None, "classes": 10})
        weights = {"weights": hashlib.sha256(f"{name}{card}".encode()).hexdigest()}
        data_identity = {
            k: self.data[k] for k in ("fingerprint", "provenance", "images_key", "preprocessing", "subset")
        }
        means = {"confidence": 0.5, "nll": 1.25, "brier": 0.75}
        return Cell(
            identity={
                "protocol": 1,
                "precision": "float32",
                "checkpoint": weights,
                **data_identity,
                "condition": condition | ({} if condition["kind"] == "clean" else {"seed": 0}),
            }
            | changes.pop("identity", {}),
            checkpoint={"id": identity_key(weights)[:12], "name": name, "card": card},
            data=self.data,
            condition=condition,
            counts=counts,
            **({"means": means, "recorded": {"device": "cpu", "versions": {"torch": "2.10"}}} | changes),
        )

    def write(self, name: str, condition: dict[str, Any], counts: Counts, **changes: Any) -> Cell:
        cell = self.cell(name, condition, counts, **changes)
        self.store.write(cell, answers_of(cell))
        return cell

    def clean(self, name: str, n_right: int, **changes: Any) -> Cell:
        counts = Counts(self.n, n_right, min(self.n, n_right + 10))
        return self.write(name, {"name": "clean", "kind": "clean"}, counts, **changes)

    def corruption(self, name: str, corruption: str, severity: int, n_right: int, **changes: Any) -> Cell:
        condition = {"name": f"{corruption}@{severity}", "kind": "corruption", "corruption": corruption}
        condition |= {"severity": severity, "table": self.table, "jpeg_quality": None}
        return self.write(name, condition, Counts(self.n, n_right, min(self.n, n_right + 10)), **changes)

    def answers(self, name: str, condition: dict[str, Any], prediction: list[int], labels: list[int]) -> Cell:
        """Write a cell with its predictions, image by image, and the labels that they are judged by."""
        n_right = sum(said == label for said, label in zip(prediction, labels, strict=True))
        cell = self.cell(name, condition, Counts(self.n, n_right, n_right))
        self.store.write(cell, replace(answers_of(cell), prediction=np.array(prediction, np.int32)))
        self.store.write_images(self.data["images_key"], np.arange(self.n), np.array(labels))
        return cell

    def window(
        self, name: str, edge: str, filling: str, fraction: float, prediction: list[int], labels: list[int]
    ) -> Cell:
        condition = {"name": f"window-{edge}-{filling}@{fraction:g}", "kind": "window"}
        condition |= {"edge": edge, "filling": filling, "fraction": fraction}
        return self.answers(name, condition, prediction, labels)

    def sweep(
        self,
        name: str,
        n_right: Callable[[str, int], int],
        corruptions: tuple[str, ...] = CORRUPTIONS,
        severities: tuple[int, ...] = SEVERITIES,
    ) -> None:
        for corruption in corruptions:
            for severity in severities:
                self.corruption(name, corruption, severity, n_right(corruption, severity))

    def ladder(self, name: str, n_clean_right: int, n_robust: tuple[int, ...], **changes: Any) -> Cell:
        eps = ["1/255", "2/255", "4/255", "8/255"][: len(n_robust)]
        condition = {"name": "pgd10-linf", "kind": "attack", "attack": "pgd", "norm": "linf", "eps": eps}
        condition |= {"eps_value": [int(e.split("/")[0]) / 255 for e in eps], "steps": 10, "step_ratio": "1/4"}
        condition |= {"restarts": 1, "random_start": True, "single_step": False}
        return self.write(name, condition, Counts(self.n, n_robust[-1], 0, n_robust, n_clean_right), **changes)

    def auto_pgd(self, name: str, n_clean_right: int, n_robust: int) -> Cell:
        condition = {"name": "apgd-ce100-l2@0.5", "kind": "attack", "attack": "apgd-ce", "norm": "l2", "eps": ["0.5"]}
        condition |= {"eps_value": [0.5], "steps": 100, "step_ratio": "2", "restarts": 1, "random_start": True}
        condition |= {"single_step": False}
        return self.write(name, condition, Counts(self.n, n_robust, 0, (n_robust,), n_clean_right))

    def nearest(self, name: str, attack: str, norm: str, distance: list[float]) -> Cell:
        """Write a minimum-norm attack, judged at 2/255; images at distance 0 are wrong without it."""
        condition = {"name": f"{attack}-{norm}@2/255", "kind": "attack", "attack": attack.rstrip("0123456789")}
        condition |= {"norm": norm, "eps": ["2/255"], "eps_value": [2 / 255], "steps": 100, "step_ratio": "1"}
        condition |= {"restarts": 1, "random_start": False, "single_step": False}
        far = np.array(distance, np.float32)
        rung = np.where(far == 0, -1, far > 2 / 255).astype(np.int8)
        counts = Counts(self.n, int((rung == 1).sum()), 0, (int((rung == 1).sum()),), int((rung >= 0).sum()))
        cell = self.cell(name, condition, counts)
        self.store.write(cell, replace(answers_of(cell), rung=rung, linf=far, l2=far))
        return cell

    def fgsm(self, name: str, eps: int, n_clean_right: int, n_robust: int) -> Cell:
        condition = {"name": f"fgsm-linf@{eps}/255", "kind": "attack", "attack": "fgsm", "norm": "linf"}
        condition |= {"eps": [f"{eps}/255"], "eps_value": [eps / 255], "steps": 1, "step_ratio": None, "restarts": 1}
        condition |= {"random_start": False, "single_step": True}
        return self.write(name, condition, Counts(self.n, n_robust, 0, (n_robust,), n_clean_right))
