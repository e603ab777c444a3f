"""What a sweep says about images that were written and about the same images that it generates."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tiny_sweeps import Arrays, stored, swept, tiny_checkpoint

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.plan.conditions import Condition
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.writing import WritingSummary, plan_writing, write_corrupted


def severities(*corruptions: str) -> list[str]:
    """Name every severity of some corruptions."""
    return [f"{corruption}@{severity}" for corruption in corruptions for severity in range(1, 6)]


def written(data: str, suites: Sequence[str], out: Path, **options: Any) -> WritingSummary:
    return write_corrupted(plan_writing(data, suites, **options), out)


def sweep_of(
    data: str, conditions: Iterable[Condition], run: Path, *, limit: int | None = None
) -> tuple[Arrays, list[int], list[int]]:
    """Sweep a tiny checkpoint; returns the arrays of its cells, the ids and the labels."""
    source = Source.choose(open_data(data), limit=limit, seed=0)
    checkpoint = tiny_checkpoint(classes=source.data.classes)
    summary = swept(make_plan(source, [checkpoint], tuple(conditions)), run)
    assert not summary.failed
    return stored(run), source.ids.tolist(), source.labels.tolist()


def contents(folder: Path) -> dict[str, str]:
    """Hash every file below a folder, by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def checksums(folder: Path) -> dict[str, str]:
    """Read SHA256SUMS, by the name of the file."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    found = {line[66:]: line[:64] for line in lines}
    assert len(found) == len(lines)
    return found


def array(folder: Path, corruption: str) -> np.ndarray:
    values: np.ndarray = np.load(folder / f"{corruption}.npy")
    return values
