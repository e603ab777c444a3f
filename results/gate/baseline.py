"""A baseline small enough to be committed: which images each checkpoint got wrong, one bit each.

The file is one ``npz`` without pickles: ``manifest``, JSON as bytes (schema version, title, number of images and, per
checkpoint, name, method, id, network and cells with their settings and counts), and ``wrong``, packed bits of shape
(cells of all checkpoints in order, ceil(n / 8)).
"""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from robustsweep.errors import DataError, NothingToCompareError
from robustsweep.results.files import write_atomically
from robustsweep.results.frame import UNSPECIFIED
from robustsweep.results.gate.answers import Answers, RunAnswers, read_answers

SCHEMA_VERSION = 1
_LARGEST_BYTES = 1_000_000_000


def write_baseline(path: Path, run: RunAnswers) -> None:
    """Write the answers of a run as a baseline file."""
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
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, manifest=np.frombuffer(text, np.uint8), wrong=bits)
    write_atomically(path, buffer.getvalue())


def read_baseline(path: Path) -> RunAnswers:
    """Read a baseline: a run folder, or a file that ``write_baseline`` wrote.

    Raises:
        NothingToCompareError: If there is none, or a folder holds nothing.
        DataError: If a file is damaged, or of another schema version.
    """
    if path.is_dir():
        return read_answers(path)
    if not path.is_file():
        raise NothingToCompareError(
            f"There is no baseline at {path}; write one with robustsweep gate DIR --write-baseline {path}."
        )
    try:
        return _unpacked(*_contents(path), path)
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is not a baseline ({error!r}); write it again with --write-baseline.") from error


def _contents(path: Path) -> tuple[dict[str, Any], np.ndarray[Any, np.dtype[np.uint8]]]:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _LARGEST_BYTES:
            raise ValueError("it unpacks to more than 1 GB")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        manifest, wrong = json.loads(arrays["manifest"].tobytes()), arrays["wrong"]
    version = manifest["robustsweep_baseline"]
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema version {version}; this robustsweep reads {SCHEMA_VERSION}. Write it again."
        )
    return manifest, wrong


def _unpacked(manifest: dict[str, Any], wrong: np.ndarray[Any, np.dtype[np.uint8]], path: Path) -> RunAnswers:
    n, checkpoints, start = int(manifest["n"]), [], 0
    if n < 1 or wrong.dtype != np.uint8 or wrong.ndim != 2 or wrong.shape[1] != (n + 7) // 8:
        raise ValueError(f"{n} images and bits of shape {wrong.shape}")
    for described in manifest["checkpoints"]:
        cells = described["cells"]
        flags = np.unpackbits(wrong[start : start + len(cells)], axis=1, count=n).astype(np.bool_)
        start += len(cells)
        settings, by_cell = {}, {}
        for cell, row in zip(cells, flags, strict=True):
            if int(row.sum()) != cell["n_wrong"]:
                raise ValueError(f"{cell['condition']} of {described['name']} has other errors than its count")
            name = (str(cell["condition"]), str(cell["eps"]))
            settings[name], by_cell[name] = str(manifest["settings"][cell["setting"]]), row
        # Files of the first release have no methods.
        method = str(described.get("method", UNSPECIFIED))
        network = dict(described.get("network", {}))  # nor networks
        checkpoints.append(Answers(str(described["name"]), method, str(described["id"]), settings, by_cell, network))
    if start != len(wrong) or not checkpoints:
        raise ValueError(f"{start} cells and bits of {len(wrong)}")
    return RunAnswers(str(manifest["title"]), (), tuple(checkpoints), np.arange(n))
