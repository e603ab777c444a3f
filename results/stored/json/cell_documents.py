"""Cells as documents: written with a checksum, read with every entry held against what it must agree with."""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.corruption_names import SEVERITIES
from robustsweep.results.corruption_names.natural_shifts import NATURAL_SHIFTS
from robustsweep.results.corruption_names.sequences import FRAMES, sequence_condition
from robustsweep.results.stored.cells import Cell, Counts, Json, identity_key
from robustsweep.results.stored.entries import CHECKPOINT_ID
from robustsweep.results.stored.json.cell_fields import CellFields
from robustsweep.results.stored.json.documents import Document, read_document, sealed
from robustsweep.results.stored.recounts import AVERAGED

ADVICE = "delete its folder and sweep again"
_MOST_BYTES = 4 << 20
_HASH = re.compile(r"[0-9a-f]{64}")
_SAME_NUMBER = 1e-9
_MOST_MEAN = {"confidence": 1 + 1e-6, "nll": 1e6, "brier": 2 + 1e-6, "flip": 1 + 1e-6, "top5_distance": 15 + 1e-6}


def cell_document(cell: Cell, examples_sha256: str) -> bytes:
    """Return the file of a cell whose per-image arrays have that hash."""
    return sealed({"key": cell.key, **asdict(cell), "examples_sha256": examples_sha256, "status": "ok"})


def read_cell_document(path: Path) -> tuple[Cell, Document]:
    """Read a cell from ``cells/<checkpoint id>/<key, first 16 hex>/cell.json``.

    Raises:
        DataError: If it cannot be read, contradicts itself, or lies in another cell's folder.
    """
    document = read_document(path, CellFields, "a cell", ADVICE, _MOST_BYTES)
    cell = cell_of(document.content, path)
    key, checkpoint_id = path.parent.name, path.parent.parent.name
    found = (document.content["key"], cell.key[:16], cell.checkpoint["id"])
    if found != (cell.key, key, checkpoint_id):
        raise DataError(
            f"{path} is the document of cell {cell.key[:16]} of checkpoint {cell.checkpoint['id']} and calls itself "
            f"{str(document.content['key'])[:16]}; its folder is {checkpoint_id}/{key}; {ADVICE}."
        )
    return cell, document


def cell_of(content: Json, path: Path) -> Cell:
    """Take a cell from entries whose types have been checked.

    Args:
        content: As ``CellFields``; what describes no cell is ignored.
        path: Where they come from, for the error.

    Raises:
        DataError: If entries contradict each other.
    """
    counts = content["counts"]
    cell = Cell(
        identity=content["identity"],
        checkpoint=content["checkpoint"],
        data=content["data"],
        condition=content["condition"],
        counts=Counts(
            n=counts["n"],
            n_right=counts["n_right"],
            n_top5_right=counts["n_top5_right"],
            n_robust=tuple(counts["n_robust"]),
            n_clean_right=counts["n_clean_right"],
        ),
        means={name: float(content["means"][name]) for name in AVERAGED if name in content["means"]},
        recorded=content["recorded"],
        warnings=tuple(content["warnings"]),
    )
    for problem in _contradictions(cell):
        raise DataError(f"{path} is not a cell ({problem}); {ADVICE}.")
    return cell


def _contradictions(cell: Cell) -> Iterator[str]:
    yield from _of_checkpoint(cell)
    yield from _of_counts(cell)
    yield from _of_data(cell)
    yield from _of_condition(cell)


def _of_checkpoint(cell: Cell) -> Iterator[str]:
    identifier = cell.checkpoint["id"]
    if not CHECKPOINT_ID.fullmatch(identifier):
        yield f"the checkpoint's id is {identifier[:40]!r}, expected 12 hexadecimal digits"
    if identity_key(cell.identity["checkpoint"])[:12] != identifier:
        yield f"its identity is not that of the checkpoint {identifier}"


def _of_counts(cell: Cell) -> Iterator[str]:
    counts = cell.counts
    if counts.n < 1:
        yield f"counts.n is {counts.n}, expected 1 or more"
    for count in (counts.n_right, counts.n_top5_right, *counts.n_robust, counts.n_clean_right or 0):
        if not 0 <= count <= counts.n:
            yield f"it counts {count} of {counts.n} images"
    for name, mean in cell.means.items():
        if not -1e-6 <= mean <= _MOST_MEAN[name]:
            yield f"means.{name} is {cell.means[name]}"


def _of_data(cell: Cell) -> Iterator[str]:
    data, identity = cell.data, cell.identity
    if not _HASH.fullmatch(data["images_key"]):
        yield f"data.images_key is {data['images_key'][:40]!r}, expected 64 hexadecimal digits"
    for name in data.keys() & identity.keys():
        if data[name] != identity[name]:
            yield f"data.{name} is not that of its identity"
    if "images" in identity and data["images_key"] != identity["images"]:
        yield "data.images_key is not that of its identity"
    if data["classes"] < 1 or cell.counts.n > data.get("n_total", cell.counts.n):
        yield f"{cell.counts.n} images of {data.get('n_total')} in {data['classes']} classes"


def _of_condition(cell: Cell) -> Iterator[str]:
    condition, identity = cell.condition, cell.identity["condition"]
    # Another library's attack is shown with the library's name, which its identity calls the rule.
    shown = identity | ({"attack": identity["rule"]} if "rule" in identity else {})
    for name in (condition.keys() & shown.keys()) - {"eps"}:
        if condition[name] != shown[name]:
            yield f"condition.{name} is not that of its identity"
    if (problem := _PROBLEMS[condition["kind"]](cell)) is not None:
        yield problem


def _clean(cell: Cell) -> str | None:
    return None if cell.condition["name"] == "clean" and not cell.counts.n_robust else "it is not of clean images"


def _shift(cell: Cell) -> str | None:
    return (
        None if cell.condition["name"] in NATURAL_SHIFTS and not cell.counts.n_robust else "it is not a natural shift"
    )


def _corruption(cell: Cell) -> str | None:
    condition = cell.condition
    if "corruption" not in condition or condition.get("severity") not in SEVERITIES or cell.counts.n_robust:
        return f"a corruption at severity {condition.get('severity')}"
    wanted = f"{condition['corruption']}@{condition['severity']}"
    return None if condition["name"] == wanted else f"condition.name is not {wanted}"


def _window(cell: Cell) -> str | None:
    condition = cell.condition
    if any(name not in condition for name in ("edge", "filling", "fraction")) or cell.counts.n_robust:
        return "a window without edge, filling or fraction"
    wanted = f"window-{condition['edge']}-{condition['filling']}@{condition['fraction']:g}"
    return None if condition["name"] == wanted else f"condition.name is not {wanted}"


def _sequence(cell: Cell) -> str | None:
    name, perturbation = cell.condition["name"], cell.condition.get("perturbation")
    if perturbation not in FRAMES or cell.counts.n_robust or not {"flip", "top5_distance"} <= cell.means.keys():
        return f"a sequence of {perturbation}"
    return None if name == sequence_condition(str(perturbation)) else f"condition.name is not that of {perturbation}"


def _attack(cell: Cell) -> str | None:
    condition, n_robust = cell.condition, cell.counts.n_robust
    if any(name not in condition for name in ("attack", "norm", "eps", "eps_value")):
        return "an attack without attack, norm, eps or eps_value"
    eps, values = condition["eps"], condition["eps_value"]
    if not len(eps) == len(values) == len(n_robust) > 0:
        return f"an attack of {len(eps)} eps with {len(n_robust)} counts"
    for text, value in zip(eps, values, strict=True):
        expected = _eps_value(text)
        if (value is None) != (expected is None) or not math.isclose(value or 0, expected or 0, rel_tol=_SAME_NUMBER):
            return f"the eps {text[:40]!r} is said to be {value}"
    named = cell.identity["condition"].get("eps")
    # An attack without a budget names no eps, and is shown with the text "none".
    if isinstance(named, list) and [_eps_value(str(text)) for text in named or ["none"]] != list(map(_eps_value, eps)):
        return "condition.eps is not that of its identity"
    return None


def _eps_value(text: str) -> float | None:
    """Return the number of an exact text such as ``"1/8/255"``; None if it is none, such as ``"none"``."""
    try:
        first, *divisors = (float(part) for part in text.split("/"))
        return first / math.prod(divisors)
    except (ValueError, ZeroDivisionError):
        return None


_PROBLEMS = {
    "clean": _clean,
    "shift": _shift,
    "corruption": _corruption,
    "window": _window,
    "sequence": _sequence,
    "attack": _attack,
}
