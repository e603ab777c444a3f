"""Luggage: the files that specs name, for machines that do not have them under the same path."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from robustsweep.benchmark.spec import Spec
from robustsweep.errors import DataError

# Of a file or a folder; what is larger has to be where every machine finds it.
_MOST_BYTES = 2 << 30
_PATH_KEYS = ("weights", "model_dir", "clean", "classes")

Specs = Sequence[Spec | str]


@dataclass(frozen=True)
class Luggage:
    """What a request names, by the paths in it.

    Attributes:
        home: The folder that relative paths start from.
        packed: For each path an archive, or what stands for it on its way; None if it is too large.
    """

    home: str
    packed: dict[str, Any]

    @classmethod
    def pack(cls, specs: Specs, put: Callable[[bytes], Any]) -> "Luggage":
        """Pack the files and folders that specs name.

        Args:
            specs: Of checkpoints, data and recipes.
            put: Makes of an archive what is to stand for it.
        """
        found: dict[str, Any] = {}

        def add(text: str) -> str:
            path = Path(text).expanduser()
            if text not in found and path.exists():
                found[text] = put(_archive(path)) if _size(path) <= _MOST_BYTES else None
            return text

        _changed(specs, add)
        return cls(os.getcwd(), found)

    def unpack(self, specs: Specs, get: Callable[[Any], bytes], folder: Path) -> list[Spec | str]:
        """Return specs whose paths lead to the files on this machine: where they are, else unpacked below a folder.

        Args:
            specs: As they were packed.
            get: Returns the archive that something stands for.
            folder: Of this machine, for all processes on it.

        Raises:
            DataError: If a path leads nowhere and what it named was too large to travel.
        """
        if os.path.isdir(self.home):
            os.chdir(self.home)
        return _changed(specs, partial(self._here, get=get, folder=folder))

    def _here(self, text: str, get: Callable[[Any], bytes], folder: Path) -> str:
        if text not in self.packed or Path(text).expanduser().exists():
            return text
        if self.packed[text] is None:
            raise DataError(
                f"{text} is not on every machine, and larger than the {_MOST_BYTES >> 30} GiB that can travel; put it "
                "where all machines find it under this path."
            )
        content = get(self.packed[text])
        place = folder / hashlib.sha256(content).hexdigest()
        if not place.exists():
            own = folder / uuid4().hex
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(own, filter="data")
            try:
                own.rename(place)
            except OSError:  # another process has been faster
                if not place.exists():
                    raise
        return str(place / _name(Path(text).expanduser()))


def located(*texts: str) -> tuple[str, ...]:
    """Return those of some data specs and recipes that lead to files; others are names, whatever lies here."""
    return tuple(text for text in texts if ":" in text or text.endswith(".toml"))


def _changed(specs: Specs, change: Callable[[str], str]) -> list[Spec | str]:
    """Replace whatever may be a path in specs."""
    return [_in_text(spec, change) if isinstance(spec, str) else _in_spec(spec, change) for spec in specs]


def _in_spec(spec: Spec, change: Callable[[str], str]) -> Spec:
    options = {key: _in_option(key, value, change) for key, value in spec.options.items()}
    return Spec(spec.text, _in_target(spec.target, change), options)


def _in_text(text: str, change: Callable[[str], str]) -> str:
    target, *options = text.split(",")
    pairs = (option.partition("=") for option in options)
    return ",".join([_in_target(target, change), *(f"{k}{eq}{_in_option(k.strip(), v, change)}" for k, eq, v in pairs)])


def _in_target(target: str, change: Callable[[str], str]) -> str:
    scheme, colon, rest = target.partition(":")
    return f"{scheme}:{change(rest)}" if colon and rest and not Path(target).exists() else change(target)


def _in_option(key: str, value: str, change: Callable[[str], str]) -> str:
    return _in_target(value, change) if key in _PATH_KEYS else value


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in _files(path))


def _files(path: Path) -> Iterable[Path]:
    return (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _archive(path: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        archive.add(path, arcname=_name(path))
    return buffer.getvalue()


def _name(path: Path) -> str:
    return os.path.basename(os.path.abspath(path))
