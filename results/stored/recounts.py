"""Counts and means that the per-image arrays of a cell give, held against what its document says."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Array, Cell, Counts, Examples

_SAME_NUMBER = 1e-9
_DTYPES: Mapping[str, str] = {
    "prediction": "int32",
    "top5_hit": "bool",
    "confidence": "float32",
    "nll": "float32",
    "brier": "float32",
    "rung": "int8",
    "restart": "int16",
    "step": "int16",
    "l2": "float32",
    "linf": "float32",
    "passes": "int32",
    "frames": "uint16",
    "flip": "float32",
    "top5_distance": "float32",
}
AVERAGED = ("confidence", "nll", "brier", "flip", "top5_distance")
"""Arrays whose means a cell's document holds; the last two of sequences alone."""
_NEEDED = frozenset(("prediction", "top5_hit", "confidence", "nll", "brier"))


class ContradictionError(DataError):
    """Arrays and a document of a run that cannot both be right."""


def examples_of(arrays: Mapping[str, Array], path: Path, n: int | None = None) -> Examples:
    """Take the per-image arrays that a file holds.

    Args:
        arrays: By name.
        path: The file, for the error.
        n: How many images they must be of; None: whatever the first one has.

    Raises:
        DataError: If one is missing, unknown, or of another type or shape.
    """
    lacking, foreign = _NEEDED - arrays.keys(), arrays.keys() - _DTYPES.keys()
    if lacking or foreign:
        raise DataError(f"{path} lacks or has other arrays than a cell ({', '.join(lacking | foreign)}); delete it.")
    wanted = (len(arrays["prediction"]) if n is None and arrays["prediction"].ndim else n,)
    for name, array in arrays.items():
        shape = array.shape[:1] if name == "frames" and array.ndim == 2 else array.shape
        if array.dtype != _DTYPES[name] or shape != wanted:
            raise DataError(
                f"{path} holds {name} as {array.dtype} of shape {array.shape}, expected {_DTYPES[name]} of {wanted}; "
                "delete its folder and sweep again."
            )
    return Examples(**arrays)


def refuse_contradiction(cell: Cell, counts: Counts, means: Mapping[str, float], path: Path) -> None:
    """Hold what arrays give against what a cell says.

    Args:
        cell: What is said.
        counts: What the arrays give; ``n_right`` is -1 if there are no labels.
        means: Those that the arrays give, by name.
        path: The document of the cell.

    Raises:
        ContradictionError: If they differ.
    """
    for name in ("n", "n_right", "n_top5_right", "n_robust", "n_clean_right"):
        found, said = getattr(counts, name), getattr(cell.counts, name)
        if found != said and found != -1:
            raise _contradiction(path, f"{name} {_listed(said)}", _listed(found))
    for name, mean in means.items():
        if not math.isclose(mean, cell.means[name], rel_tol=_SAME_NUMBER, abs_tol=1e-12):
            raise _contradiction(path, f"a mean {name} of {cell.means[name]!r}", f"{mean!r}")


def _listed(count: object) -> str:
    return ", ".join(map(str, count)) if isinstance(count, tuple) else str(count)


def _contradiction(path: Path, said: str, found: str) -> ContradictionError:
    return ContradictionError(
        f"{path} says {said}, the predictions stored for it give {found}; delete its folder and sweep again."
    )


def standing(eps_level: Array | None, n_eps: int, asks_clean: bool) -> tuple[tuple[int, ...], int | None]:
    """Count the images that were right at each eps of an attack, and before it.

    Args:
        eps_level: ``Examples.rung``.
        n_eps: How many eps there are.
        asks_clean: Whether the attack asks about the clean images first, as all do but those of the torchattacks
            protocol; else None is returned for them.
    """
    if eps_level is None:
        return (), None
    survivors = tuple(int((eps_level > k).sum()) for k in range(n_eps))
    return survivors, int((eps_level >= 0).sum()) if asks_clean else None


def counted(examples: Examples, labels: Array | None, n_eps: int, asks_clean: bool) -> tuple[Counts, dict[str, float]]:
    """Count and average the per-image arrays of a cell; ``n_right`` is -1 without labels. See ``standing``."""
    counts = Counts(
        len(examples.prediction),
        -1 if labels is None else int((examples.prediction == labels).sum()),
        int(examples.top5_hit.sum()),
        *standing(examples.rung, n_eps, asks_clean),
    )
    arrays = examples.arrays()
    return counts, {name: float(np.mean(arrays[name], dtype=np.float64)) for name in AVERAGED if name in arrays}


def as_said(cell: Cell) -> tuple[int, bool]:
    """Return what ``standing`` asks of an attack, as a cell's own counts have it."""
    return len(cell.counts.n_robust), cell.counts.n_clean_right is not None
