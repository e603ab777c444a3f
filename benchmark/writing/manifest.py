"""``corrupt.json``: what the files of a folder were made with, and how far they are written."""

import json
from dataclasses import dataclass
from pathlib import Path

from robustsweep.benchmark.data.corrupted.generated_sets import MANIFEST_NAME, manifest_content
from robustsweep.errors import DataError, UsageError
from robustsweep.results.stored.cells import Json
from robustsweep.results.stored.entries import has_file, write_entry
from robustsweep.results.stored.json.documents import sealed
from robustsweep.untrusted.files import DOCUMENT_BYTES, read_regular

_COMPARED = ("robustsweep", "protocol", "layout", "seed", "table", "jpeg_quality")
_COMPARED_DATA = ("fingerprint", "preprocessing", "subset")


@dataclass
class Manifest:
    """The state of one folder; every change is saved whole, by rename.

    Attributes:
        folder: Where it lies.
        made_with: What all files have in common, see ``Writing.made_with``.
        libraries: Versions of the libraries that can change a condition's pixels, by the condition's name.
        written: How many images of a condition are on disk, by its name; they are the first ones.
    """

    folder: Path
    made_with: Json
    libraries: dict[str, Json]
    written: dict[str, int]

    @classmethod
    def continued(cls, folder: Path, made_with: Json) -> "Manifest":
        """Read the folder's manifest, or start one.

        Raises:
            UsageError: If the folder was made with something else, or holds something else.
            DataError: If the manifest cannot be read.
        """
        if not has_file(folder, MANIFEST_NAME):
            foreign = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
            if foreign:
                raise UsageError(
                    f"{folder} holds {foreign[0]} and no {MANIFEST_NAME}, so it was not made by robustsweep corrupt; "
                    "give a new or an empty folder."
                )
            return cls(folder, made_with, {}, {})
        found = cls._read(folder)
        if differences := _differences(found.made_with, made_with):
            raise UsageError(
                f"{folder} was made with {'; '.join(differences)}. Give another folder, or ask for the same."
            )
        return found

    @classmethod
    def _read(cls, folder: Path) -> "Manifest":
        path, advice = folder / MANIFEST_NAME, f"remove {folder} and write it again"
        content = manifest_content(read_regular(path, DOCUMENT_BYTES, advice), path, advice)
        found = cls(folder, content["made_with"], content["libraries"], content["written"])
        if found.written.keys() - found.libraries.keys() or any(n < 0 for n in found.written.values()):
            raise DataError(f"{path} counts images of a condition that it does not know; {advice}.")
        return found

    def save(self) -> None:
        """Write it to disk."""
        libraries, written = (dict(sorted(values.items())) for values in (self.libraries, self.written))
        content = {"made_with": self.made_with, "libraries": libraries, "written": written}
        write_entry(self.folder, (MANIFEST_NAME,), sealed(content))


def _differences(old: Json, new: Json) -> list[str]:
    pairs = [(name, old[name], new[name]) for name in _COMPARED]
    pairs += [(f"data {name}", old["data"][name], new["data"][name]) for name in _COMPARED_DATA]
    return [f"{name} {_shown(was)}, now {_shown(now)}" for name, was, now in pairs if was != now]


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
