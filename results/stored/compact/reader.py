"""Read a compacted checkpoint: its checksum, then shapes, then every count held against the bits.

Old files have no checksum; theirs is the same check but for what bits cannot tell.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.statistics.calibration import N_BINS, Bins
from robustsweep.results.statistics.intervals import Estimate
from robustsweep.results.stored.cells import Array, Cell, Counts, Json
from robustsweep.results.stored.compact.layout import BINS, SCORES, Summary
from robustsweep.results.stored.compact.packed_hits import unpacked_hits
from robustsweep.results.stored.json.cell_documents import cell_of
from robustsweep.results.stored.json.cell_fields import CheckpointFields, DescribedFields
from robustsweep.results.stored.json.documents import fitting, has_checksum
from robustsweep.results.stored.recounts import as_said, refuse_contradiction, standing
from robustsweep.results.stored.sealed_arrays import read_sealed_arrays
from robustsweep.untrusted.files import parse_json

_ADVICE = "delete it and sweep again"
_KEY_BYTES = 32
_MOST_IMAGES = 1 << 31


class ManifestFields(TypedDict):
    """The manifest of a file."""

    schema_version: int
    checkpoint: CheckpointFields
    cells: list[DescribedFields]


def _damaged(path: Path, reason: object) -> DataError:
    return DataError(f"{path} is not a compacted checkpoint ({reason}); {_ADVICE}.")


@dataclass(frozen=True, eq=False)
class CompactFile:
    """The arrays of a file, whose checksum fits and whose shapes agree; summaries are unpacked one by one.

    Attributes:
        path: The file.
        arrays: By name, with ``right`` and ``top5_hit`` in place of ``hits``.
        is_sealed: Whether there is a checksum.
        is_current: Whether it has today's layout, ``hits``.
    """

    path: Path
    arrays: dict[str, Array]
    is_sealed: bool
    is_current: bool

    @classmethod
    def read(cls, path: Path) -> "CompactFile":
        """Read a file.

        Raises:
            DataError: If it is damaged.
        """
        found = read_sealed_arrays(path)
        file = cls(path, found.arrays, found.is_sealed, is_current="hits" in found.arrays)
        file._check_cells()
        if file.is_current:
            sizes = file.arrays["sizes"][:, 0].tolist()
            file.arrays.update(unpacked_hits(file.arrays.pop("hits"), sizes, path, _ADVICE))
        file._check_images()
        return file

    @cached_property
    def keys(self) -> dict[str, int]:
        """The keys of its cells, each with the cell's place in the arrays."""
        return {row.tobytes().hex(): place for place, row in enumerate(self.arrays["keys"])}

    @cached_property
    def _starts(self) -> Array:
        """Where each cell's bytes and eps levels begin, and where the last one's end: shape (cells + 1, 2)."""
        sizes = self.arrays["sizes"]
        each = np.stack([(sizes[:, 0] + 7) // 8, sizes[:, 1]], axis=1)
        return np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(each, axis=0)])

    def _check_cells(self) -> None:
        hits = ("hits",) if self.is_current else ("right", "top5_hit")
        names = ("keys", "manifest", "sizes", *hits, "rung", *BINS, "scores")
        if lacking := [name for name in names if name not in self.arrays]:
            raise _damaged(self.path, f"it has no array {lacking[0]}")
        keys, sizes = self.arrays["keys"], self.arrays["sizes"]
        cells = len(keys) if keys.ndim else 0
        self._check_arrays({"keys": ("uint8", (cells, _KEY_BYTES)), "sizes": ("int64", (cells, 2))})
        if not cells or not ((sizes[:, 0] >= 1) & (sizes[:, 0] < _MOST_IMAGES)).all() or len(self.keys) != cells:
            raise _damaged(self.path, f"{cells} cells, {len(self.keys)} of them different")
        if not ((sizes[:, 1] == 0) | (sizes[:, 1] == sizes[:, 0])).all():
            raise _damaged(self.path, "eps levels of some images of a cell")
        if self.is_current:
            self._check_arrays({"hits": ("uint8", (self.arrays["hits"].size,))})

    def _check_images(self) -> None:
        cells = len(self.arrays["keys"])
        n_bytes, n_rungs = map(int, self._starts[-1])
        self._check_arrays(
            {"right": ("uint8", (n_bytes,)), "top5_hit": ("uint8", (n_bytes,)), "rung": ("int8", (n_rungs,))}
            | {"scores": ("float64", (cells, len(SCORES), 2)), "bin_confidence": ("float64", (cells, N_BINS))}
            | dict.fromkeys(("bin_counts", "bin_right"), ("int64", (cells, N_BINS)))
        )

    def _check_arrays(self, wanted: dict[str, tuple[str, tuple[int, ...]]]) -> None:
        for name, (dtype, shape) in wanted.items():
            array = self.arrays[name]
            if array.dtype.name != dtype or array.shape != shape:
                raise _damaged(self.path, f"{name} of shape {array.shape} and type {array.dtype}, not {shape}, {dtype}")

    def cells(self, checkpoint_id: str) -> dict[str, Cell]:
        """Return its cells by key, each held against the arrays.

        Args:
            checkpoint_id: Whose cells they must be.

        Raises:
            DataError: If the manifest is damaged, of another version or checkpoint, or contradicts the arrays.
        """
        manifest = self._manifest(checkpoint_id)
        cells = [cell_of({**cell, "checkpoint": manifest["checkpoint"]}, self.path) for cell in manifest["cells"]]
        if [cell.key for cell in cells] != list(self.keys):
            raise _damaged(self.path, "its cells are not those of its keys")
        for place, cell in enumerate(cells):
            refuse_contradiction(cell, self._counts(place, cell), self._means(place), self.path)
        return dict(zip(self.keys, cells, strict=True))

    def _manifest(self, checkpoint_id: str) -> Json:
        manifest: Json = parse_json(self.arrays["manifest"].tobytes(), self.path, _ADVICE)
        fitting(manifest, ManifestFields, self.path, "a compacted checkpoint", _ADVICE)
        if has_checksum(manifest["schema_version"], self.path) != self.is_sealed:
            raise _damaged(self.path, "its checksum and its schema version do not belong together")
        if (found := manifest["checkpoint"]["id"]) != checkpoint_id:
            raise _damaged(self.path, f"it is the file of checkpoint {found[:40]}")
        return manifest

    @cached_property
    def _n_right(self) -> list[list[int]]:
        """How many images have a right prediction and a top-5 hit, for each cell."""
        starts = self._starts[:-1, 0]
        ones = (np.bitwise_count(self.arrays[name]) for name in ("right", "top5_hit"))
        counts: list[list[int]] = np.stack([np.add.reduceat(n, starts, dtype=np.int64) for n in ones], axis=1).tolist()
        return counts

    @cached_property
    def _binned(self) -> list[list[int]]:
        """How many images are in the bins, and how many of them right, for each cell."""
        counts = [self.arrays[name].sum(axis=1) for name in ("bin_counts", "bin_right")]
        both: list[list[int]] = np.stack(counts, axis=1).tolist()
        return both

    @cached_property
    def _scores(self) -> list[list[tuple[float, float]]]:
        """Mean and standard error of each score, for each cell."""
        scores: list[list[tuple[float, float]]] = self.arrays["scores"].tolist()
        return scores

    def _counts(self, place: int, cell: Cell) -> Counts:
        n, n_rungs = self.arrays["sizes"][place].tolist()
        counts, right = self._binned[place]
        n_right, n_top5_right = self._n_right[place]
        if (counts, right) != (n, n_right):
            raise _damaged(self.path, f"its bins hold {counts} images, {right} of them right, and not {n}, {n_right}")
        rung = self._rung(place) if n_rungs else None
        return Counts(n, n_right, n_top5_right, *standing(rung, *as_said(cell)))

    def _means(self, place: int) -> dict[str, float]:
        confidence = float(self.arrays["bin_confidence"][place].sum()) / int(self.arrays["sizes"][place, 0])
        means = {name: value for name, (value, _) in zip(SCORES, self._scores[place], strict=True)}
        return {"confidence": confidence} | means

    def _rung(self, place: int) -> Array:
        return self.arrays["rung"][self._starts[place, 1] : self._starts[place + 1, 1]]

    def summary_of(self, key: str) -> Summary:
        """Unpack the summary of one cell."""
        place, arrays = self.keys[key], self.arrays
        n, n_rungs = map(int, arrays["sizes"][place])
        first, last = map(int, self._starts[place : place + 2, 0])
        right, top5_hit = (
            np.unpackbits(arrays[name][first:last], count=n).view(np.bool_) for name in ("right", "top5_hit")
        )
        rung = self._rung(place) if n_rungs else None
        scores = {
            name: Estimate(value, error, n - 1, n)
            for name, (value, error) in zip(SCORES, self._scores[place], strict=True)
        }
        return Summary(right, top5_hit, rung, Bins(*(arrays[name][place] for name in BINS)), scores)
