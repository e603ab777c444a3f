"""Small synthetic runs, built cell by cell."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from robustsweep.results.cells import Cell, Counts, Examples
from robustsweep.results.store import CellStore
from robustsweep.results.taxonomy import CORRUPTIONS, SEVERITIES


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
        identifier = hashlib.sha256(f"{name}{card}".encode()).hexdigest()[:12]
        data_identity = {
            k: self.data[k] for k in ("fingerprint", "provenance", "images_key", "preprocessing", "subset")
        }
        return Cell(
            identity={
                "protocol": 1,
                "precision": "float32",
                "checkpoint": {"weights": identifier},
                **data_identity,
                "condition": condition | ({} if condition["kind"] == "clean" else {"seed": 0}),
            }
            | changes.pop("identity", {}),
            checkpoint={"id": identifier, "name": name, "card": card},
            data=self.data,
            condition=condition,
            counts=counts,
            means={"confidence": 0.5, "nll": 1.25, "brier": 0.75},
            **({"recorded": {"device": "cpu", "versions": {"torch": "2.10"}}} | changes),
        )

    def write(self, name: str, condition: dict[str, Any], counts: Counts, **changes: Any) -> Cell:
        cell = self.cell(name, condition, counts, **changes)
        zeros = np.zeros(counts.n, np.float32)
        examples = Examples(zeros.astype(np.int32), zeros.astype(bool), zeros, zeros, zeros)
        self.store.write(cell, examples)
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
        zeros = np.zeros(self.n, np.float32)
        examples = Examples(np.array(prediction, np.int32), zeros.astype(bool), zeros, zeros, zeros)
        self.store.write(cell, examples)
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

    def fgsm(self, name: str, eps: int, n_clean_right: int, n_robust: int) -> Cell:
        condition = {"name": f"fgsm-linf@{eps}/255", "kind": "attack", "attack": "fgsm", "norm": "linf"}
        condition |= {"eps": [f"{eps}/255"], "eps_value": [eps / 255], "steps": 1, "step_ratio": None, "restarts": 1}
        condition |= {"random_start": False, "single_step": True}
        return self.write(name, condition, Counts(self.n, n_robust, 0, (n_robust,), n_clean_right))
