"""A baseline small enough to be committed: which images each checkpoint got wrong, one bit each.

The file is one ``npz`` without pickles: ``manifest``, JSON as bytes (schema version, title, number of images and, per
checkpoint, name, method, id, network and cells with their settings and counts), ``wrong``, packed bits of shape
(cells of all checkpoints in order, ceil(n / 8)), and ``sha256``, a hash of both.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np

from robustsweep.errors import DataError, NothingToCompareError
from robustsweep.results.comparable.rows import UNSPECIFIED
from robustsweep.results.gate.wrong_images import Answers, RunAnswers, read_answers
from robustsweep.results.stored.cells import Array, Json
from robustsweep.results.stored.files import write_atomically
from robustsweep.results.stored.json.documents import SCHEMA_VERSION, fitting, has_checksum
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays, sealed_arrays
from robustsweep.untrusted.files import parse_json

_ADVICE = "write it again with --write-baseline"


class CellFields(TypedDict):
    """A cell of a checkpoint."""

    condition: str
    eps: str
    n_wrong: int
    setting: int


class CheckpointFields(TypedDict):
    """A checkpoint with its cells."""

    name: str
    method: NotRequired[str]
    id: str
    network: NotRequired[Json]
    cells: list[CellFields]


class ManifestFields(TypedDict):
    """The manifest of a baseline."""

    robustsweep_baseline: int
    title: str
    n: int
    settings: list[str]
    checkpoints: list[CheckpointFields]


def write_baseline(path: Path, run: RunAnswers) -> None:
    """Write the predictions of a run as a baseline file."""
    settings = sorted({text for one in run.checkpoints for text in one.settings.values()})
    manifest = {
        "robustsweep_baseline": SCHEMA_VERSION,
        "title": run.title,
        "n": len(run.ids),
        "settings": settings,
        "checkpoints": [
            {
                "name": one.name,
                "method": one.method,
                "id": one.checkpoint_id,
                "network": dict(one.network),
                "cells": [
                    {
                        "condition": c,
                        "eps": eps,
                        "n_wrong": int(one.wrong[c, eps].sum()),
                        "setting": settings.index(text),
                    }
                    for (c, eps), text in one.settings.items()
                ],
            }
            for one in run.checkpoints
        ],
    }
    bits = np.stack([np.packbits(one.wrong[cell]) for one in run.checkpoints for cell in one.settings])
    text = json.dumps(manifest, separators=(",", ":"), allow_nan=False).encode()
    write_atomically(path, sealed_arrays({"manifest": np.frombuffer(text, np.uint8), "wrong": bits}))


def read_baseline(path: Path) -> RunAnswers:
    """Read a baseline: a run folder, or a file that ``write_baseline`` wrote.

    Raises:
        NothingToCompareError: If there is none, or a folder holds nothing.
        DataError: If a file is damaged, or of another schema version.
    """
    if path.is_dir():
        return read_answers(path)
    if not path.exists():
        raise NothingToCompareError(
            f"There is no baseline at {path}; write one with robustsweep gate DIR --write-baseline {path}."
        )
    found = read_sealed_arrays(path, _ADVICE)
    if lacking := [name for name in ("manifest", "wrong") if name not in found.arrays]:
        raise _damaged(path, f"it has no array {lacking[0]}")
    manifest = parse_json(found.arrays["manifest"].tobytes(), path, _ADVICE)
    fitting(manifest, ManifestFields, path, "a baseline", _ADVICE)
    if has_checksum(manifest["robustsweep_baseline"], path) != found.is_sealed:
        raise _damaged(path, "its checksum and its schema version do not belong together")
    notes = () if found.is_sealed else (f"{path} has no checksum, as earlier versions wrote it; {_ADVICE}.",)
    return replace(_unpacked(manifest, found.arrays["wrong"], path), notes=notes)


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is not a baseline ({reason}); {_ADVICE}.")


def _unpacked(manifest: Json, wrong: Array, path: Path) -> RunAnswers:
    n, checkpoints, start = manifest["n"], [], 0
    if n < 1 or wrong.dtype != np.uint8 or wrong.ndim != 2 or wrong.shape[1] != (n + 7) // 8:
        raise _damaged(path, f"{n} images and bits of shape {wrong.shape}")
    n_cells = sum(len(described["cells"]) for described in manifest["checkpoints"])
    if n_cells != len(wrong) or not manifest["checkpoints"]:
        raise _damaged(path, f"{n_cells} cells and bits of {len(wrong)}")
    texts = [_canonical(text, path) for text in manifest["settings"]]
    for described in manifest["checkpoints"]:
        cells = described["cells"]
        flags = np.unpackbits(wrong[start : start + len(cells)], axis=1, count=n).astype(np.bool_)
        start += len(cells)
        settings, by_cell = {}, {}
        for cell, row in zip(cells, flags, strict=True):
            if int(row.sum()) != cell["n_wrong"]:
                raise _damaged(path, f"{cell['condition']} of {described['name']} has other errors than its count")
            if not 0 <= cell["setting"] < len(texts):
                raise _damaged(path, f"{cell['condition']} of {described['name']} has no setting")
            name = (cell["condition"], cell["eps"])
            settings[name], by_cell[name] = texts[cell["setting"]], row
        # Files of the first release have no methods.
        method = described.get("method", UNSPECIFIED)
        network = described.get("network", {})  # nor networks
        checkpoints.append(Answers(described["name"], method, described["id"], settings, by_cell, network))
    return RunAnswers(manifest["title"], (), tuple(checkpoints), np.arange(n))


def _canonical(text: str, path: Path) -> str:
    if not isinstance(parse_json(text, path, _ADVICE), dict):
        raise _damaged(path, "a setting is not an object")
    return text
