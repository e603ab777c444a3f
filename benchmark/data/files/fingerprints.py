"""Fingerprints of data on disk: a hash of the contents, remembered while no file changes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from robustsweep.cache import cache_folder
from robustsweep.results.stored.files import write_atomically


def remembered(stamp: str, compute: Callable[[], str]) -> str:
    """Return ``compute()``, or what it gave the last time that ``stamp`` was seen.

    Args:
        stamp: Text that changes whenever the result may change: paths, sizes and modification times.
        compute: Hashes the contents.
    """
    path = cache_folder() / "fingerprints" / f"{hashlib.sha256(stamp.encode()).hexdigest()}.json"
    try:
        return str(json.loads(path.read_text())["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        fingerprint = compute()
    try:
        write_atomically(path, json.dumps({"fingerprint": fingerprint}).encode())
    except OSError:
        # A cache that cannot be written costs time, never a result.
        return fingerprint
    return fingerprint


def file_stamp(*paths: Path) -> str:
    """Describe files by path, size and modification time."""
    return "\n".join(f"{p.resolve()}\0{p.stat().st_size}\0{p.stat().st_mtime_ns}" for p in paths)


def hash_files(paths: list[Path]) -> str:
    """Return the sha256 over names and contents of ``paths``, in their order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
