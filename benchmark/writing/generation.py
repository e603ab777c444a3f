"""The writing of corrupted images: for each block and condition, generate once and put on disk."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from robustsweep.benchmark.plan.blocks import BLOCK_BYTES, IMAGES_PER_BLOCK, Block, split_positions
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.sweep.progress import Progress, Silent
from robustsweep.benchmark.writing.folder import OutputFolder, only_writer
from robustsweep.benchmark.writing.plan import Writing
from robustsweep.errors import CellsFailedError, DataError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.process.precision import full_precision


@dataclass(frozen=True, slots=True)
class WritingSummary:
    """What was written.

    Attributes:
        written: Items (a corruption's file, or a severity's folder) finished now.
        reused: Items that were finished already.
        failed: One sentence per condition that could not be generated.
        seconds: Wall time.
    """

    written: int
    reused: int
    failed: tuple[str, ...]
    seconds: float

    def raise_if_failed(self) -> None:
        """Raise CellsFailedError if a condition failed."""
        if self.failed:
            raise CellsFailedError(
                f"{len(self.failed)} conditions could not be generated; the others are written. First: {self.failed[0]}"
            )


def write_corrupted(
    writing: Writing,
    out: Path,
    *,
    device: torch.device | None = None,
    block_bytes: int = BLOCK_BYTES,
    progress: Progress | None = None,
) -> WritingSummary:
    """Write corrupted images in a published layout. Interrupt it at any time: run it again to continue.

    Beside them lie ``corrupt.json``, which says what they were made with, and ``SHA256SUMS``, which ``sha256sum -c``
    checks. An image's pixels are those that a sweep with the same seed generates. A condition that cannot be generated
    (a missing library) is named in the summary and the rest goes on.

    Args:
        writing: What is wanted, see ``plan_writing``.
        out: The folder; new, empty, or begun by an earlier call with the same settings.
        device: Where to compute; None: the CPU.
        block_bytes: Clean images are read in blocks if all of them, as uint8, are larger than this.
        progress: Receives events.

    Raises:
        UsageError: If the folder holds something else, was made with something else, or is being written.
        DataError: If images or the folder's manifest cannot be read.
        OSError: If the folder cannot be written.
    """
    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with only_writer(out):
        run = _Run(writing, OutputFolder(out, writing), progress or Silent(), device or torch.device("cpu"))
        return run.complete(block_bytes, begun)


class _Run:
    """One call of ``write_corrupted``."""

    def __init__(self, writing: Writing, folder: OutputFolder, progress: Progress, device: torch.device) -> None:
        self._writing, self._source = writing, writing.source
        self._folder, self._progress, self._device = folder, progress, device
        self._n = len(writing.source.positions)
        self._failed: dict[Corrupted, str] = {}

    def complete(self, block_bytes: int, begun: float) -> WritingSummary:
        self._folder.start()
        missing = [item for item in self._folder.items if not self._folder.is_finished(item)]
        conditions = [condition for item in missing for condition in self._folder.items[item]]
        left = {condition: self._n - self._folder.n_written(condition) for condition in conditions}
        if missing:
            self._progress.begin(sum(n > 0 for n in left.values()), sum(left.values()))
            with full_precision():
                self._write(conditions, block_bytes)
        n_left = sum(not self._folder.is_finished(item) for item in missing)
        n_items = len(self._folder.items)
        return WritingSummary(
            len(missing) - n_left, n_items - len(missing), tuple(self._failed.values()), time.monotonic() - begun
        )

    def _write(self, conditions: list[Corrupted], block_bytes: int) -> None:
        start = 0
        for index, positions in enumerate(split_positions(self._source, block_bytes)):
            block = Block.of(self._source, index, positions, self._device)
            for condition in conditions:
                self._write_block(condition, block, start)
            start += len(positions)

    def _write_block(self, condition: Corrupted, block: Block, start: int) -> None:
        """Write one condition of a block whose first image is number ``start``, some images at a time."""
        for first in range(0, len(block.positions), IMAGES_PER_BLOCK):
            rows = slice(first, first + IMAGES_PER_BLOCK)
            end = start + min(rows.stop, len(block.positions))
            n_written = self._folder.n_written(condition)
            if n_written >= end or condition in self._failed:
                continue
            self._progress.working_on(self._source.data.name, condition.name)
            clean = block.clean[rows]
            try:
                with foreign_code():
                    images = self._source.generate(self._writing.layout.in_pixels(condition), clean, block.ids[rows])
            except DataError:
                raise
            except Exception as error:  # a corruption may be another package's code
                self._fail(condition, error, self._n - n_written)
                continue
            self._writing.layout.write(self._folder.path(condition), condition, start + first, images)
            self._folder.record(condition, end)
            self._progress.advance(int(end == self._n), end - n_written)

    def _fail(self, condition: Corrupted, error: Exception, n_left: int) -> None:
        self._failed[condition] = f"{condition.name}: {described(error)}"
        self._progress.warn(self._failed[condition])
        self._progress.advance(1, n_left)
