"""The sweep: compute every missing cell of a plan, decoding once and corrupting once for all checkpoints."""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from robustsweep.attacks import run_attack
from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.conditions import Attacked, Condition, Corrupted
from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.benchmark.plan import Plan, PlannedCell, Shard
from robustsweep.benchmark.progress import Progress, Silent
from robustsweep.benchmark.recording import make_cell
from robustsweep.benchmark.scoring import evaluate, score, to_unit_range
from robustsweep.errors import CellsFailedError, DataError, RobustsweepError
from robustsweep.results.cells import CellStore, Examples

_BLOCK_BYTES = 4_000_000_000
_BLOCK_IMAGES = 2048
# Attacks hold their images as float32; they take a block in pieces of this size.
_ATTACK_PIECE_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """How to compute; nothing here changes a number.

    Attributes:
        device: Where to compute.
        batch_size: Images per forward pass; None: by image size and device.
        shard: The part of the plan to compute.
        models_at_once: Checkpoints held on the device together; None: all.
        block_bytes: Images are handled in blocks of 2 048 where the whole set, as uint8, is larger than this.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int | None = None
    shard: Shard = field(default_factory=Shard)
    models_at_once: int | None = None
    block_bytes: int = _BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """What a sweep did.

    Attributes:
        computed: Cells computed now.
        reused: Cells that were stored already.
        failed: One sentence per cell that could not be computed.
        seconds: Wall time.
    """

    computed: int
    reused: int
    failed: tuple[str, ...]
    seconds: float

    def raise_if_failed(self) -> None:
        """Raise CellsFailedError if a cell failed."""
        if self.failed:
            raise CellsFailedError(f"{len(self.failed)} cells failed; the others are stored. First: {self.failed[0]}")


def choose_batch_size(size: tuple[int, int], device: torch.device) -> int:
    """Choose the images per forward pass: more where they are small, more on an accelerator."""
    small = size[0] * size[1] <= 64 * 64
    if device.type == "cpu":
        return 250 if small else 32
    return 2000 if small else 256


def run_sweep(
    plan: Plan, store: CellStore, settings: SweepSettings | None = None, progress: Progress | None = None
) -> SweepSummary:
    """Compute the missing cells of a plan. Interrupt it at any time: run it again to continue.

    A cell that cannot be computed (a missing library, a broken network) is named in the summary and the rest goes on;
    images that cannot be read end the sweep.

    Args:
        plan: What is wanted.
        store: Where finished cells are and go.
        settings: How to compute.
        progress: Receives events.

    Raises:
        DataError: If images cannot be read.
    """
    begun = time.monotonic()
    settings, progress = settings or SweepSettings(), progress or Silent()
    wanted = plan.wanted(settings.shard)
    missing = plan.missing(store, settings.shard)
    _announce(plan, store)
    run = _Run(plan, store, settings, progress)
    if missing:
        progress.begin(len(missing), sum(run.cost(cell.condition) for cell in missing))
        for group in _groups(missing, settings.models_at_once):
            run.group(group)
    return SweepSummary(run.computed, len(wanted) - len(missing), tuple(run.failed), time.monotonic() - begun)


def _announce(plan: Plan, store: CellStore) -> None:
    """Store what belongs to the whole plan: images, the names of checkpoints, the list of wanted cells."""
    store.write_images(plan.source.images_key, plan.source.ids, plan.source.labels)
    for checkpoint in plan.checkpoints:
        store.write_checkpoint({"id": checkpoint.id, "name": checkpoint.name, "card": checkpoint.card.to_dict()})
    store.write_plan(
        [
            {
                "key": cell.key,
                "checkpoint_id": cell.checkpoint.id,
                "checkpoint": cell.checkpoint.name,
                "condition": cell.condition.name,
            }
            for cell in plan.cells.values()
        ]
    )


def _groups(missing: list[PlannedCell], models_at_once: int | None) -> Iterator[list[PlannedCell]]:
    """Part the missing cells into groups of at most that many checkpoints."""
    by_checkpoint: dict[str, list[PlannedCell]] = defaultdict(list)
    for cell in missing:
        by_checkpoint[cell.checkpoint.id].append(cell)
    ids = list(by_checkpoint)
    size = models_at_once or len(ids)
    for start in range(0, len(ids), size):
        yield [cell for checkpoint_id in ids[start : start + size] for cell in by_checkpoint[checkpoint_id]]


class _Run:
    """The state of one sweep while it runs."""

    def __init__(self, plan: Plan, store: CellStore, settings: SweepSettings, progress: Progress) -> None:
        self.source = plan.source
        self.order = {condition: position for position, condition in enumerate(plan.conditions)}
        self.store, self.settings, self.progress = store, settings, progress
        self.device = settings.device
        self.batch_size = settings.batch_size or choose_batch_size(self.source.data.size, self.device)
        self.computed = 0
        self.failed: list[str] = []
        self.dead: set[str] = set()  # keys of cells that failed in an earlier block
        self.seconds: dict[str, float] = defaultdict(float)
        self.warnings: dict[str, tuple[str, ...]] = defaultdict(tuple)
        self.blocks = self._blocks()

    def _blocks(self) -> list[Int64Array]:
        positions = self.source.positions
        height, width = self.source.data.size
        if len(positions) * 3 * height * width <= self.settings.block_bytes:
            return [positions]
        return [positions[start : start + _BLOCK_IMAGES] for start in range(0, len(positions), _BLOCK_IMAGES)]

    def cost(self, condition: Condition) -> int:
        """Estimate the units of work of one cell, for the progress bar alone."""
        passes = 1
        if isinstance(condition, Attacked):
            passes += 3 * condition.attack.steps * condition.attack.restarts
        return passes * len(self.source.positions)

    def group(self, cells: list[PlannedCell]) -> None:
        """Compute cells whose checkpoints fit the device together."""
        checkpoints: dict[str, Checkpoint] = {cell.checkpoint.id: cell.checkpoint for cell in cells}
        modules = {
            checkpoint_id: checkpoint.load().to(self.device).to(memory_format=torch.channels_last)
            for checkpoint_id, checkpoint in checkpoints.items()
        }
        by_condition: dict[Condition, list[PlannedCell]] = defaultdict(list)
        for cell in sorted(cells, key=lambda cell: self.order[cell.condition]):
            by_condition[cell.condition].append(cell)
        for block, positions in enumerate(self.blocks):
            clean = self._clean(positions, by_condition)
            for condition, wanting in by_condition.items():
                self._condition(condition, wanting, modules, block, positions, clean)

    def _clean(self, positions: Int64Array, conditions: dict[Condition, list[PlannedCell]]) -> Tensor | None:
        """Decode the block once, unless only official files are wanted."""
        if self.source.is_official and all(isinstance(condition, Corrupted) for condition in conditions):
            return None
        return self.source.read_clean(positions).to(self.device)

    def _condition(
        self,
        condition: Condition,
        cells: list[PlannedCell],
        modules: dict[str, nn.Module],
        block: int,
        positions: Int64Array,
        clean: Tensor | None,
    ) -> None:
        """Make one condition's images of one block and show them to every checkpoint that misses the cell."""
        todo = [
            cell
            for cell in cells
            if cell.key not in self.dead and not self.store.has_part(cell.checkpoint.id, cell.key, block)
        ]
        begun = time.monotonic()
        try:
            images = self._images(condition, positions, clean) if todo else None
        except DataError:
            raise
        except (RobustsweepError, RuntimeError) as error:
            for cell in todo:
                self._fail(cell, error)
            return
        making = time.monotonic() - begun
        for cell in cells:
            if cell in todo and images is not None:
                self._cell(cell, modules[cell.checkpoint.id], images, block, positions, making / len(todo))
            elif cell.key not in self.dead:
                self._close(cell, block, None)

    def _images(
        self,
        condition: Condition,
        positions: Int64Array,
        clean: Tensor | None,
    ) -> Tensor:
        if isinstance(condition, Corrupted):
            if clean is None or self.source.is_official:
                return self.source.read_corrupted(condition, positions).to(self.device)
            ids = torch.from_numpy(self.source.data.ids[positions]).to(self.device)
            return self.source.generate(condition, clean, ids)
        if clean is None:
            return self.source.read_clean(positions).to(self.device)
        return clean

    def _cell(
        self,
        cell: PlannedCell,
        module: nn.Module,
        images: Tensor,
        block: int,
        positions: Int64Array,
        making_s: float,
    ) -> None:
        """Compute one cell's block and store it."""
        self.progress.working_on(cell.checkpoint.name, cell.condition.name)
        begun = time.monotonic()
        labels = torch.from_numpy(self.source.data.labels[positions]).to(self.device)
        try:
            if isinstance(cell.condition, Attacked):
                examples = self._attack(cell, module, images, labels, positions)
            else:
                examples = evaluate(module, images, labels, batch_size=self.batch_size, device=self.device)
        except (RobustsweepError, RuntimeError) as error:
            self._fail(cell, error)
            return
        self.seconds[cell.key] += time.monotonic() - begun + making_s
        self._close(cell, block, examples)

    def _attack(
        self,
        cell: PlannedCell,
        module: nn.Module,
        images: Tensor,
        labels: Tensor,
        positions: Int64Array,
    ) -> Examples:
        """Attack a block piece by piece."""
        assert isinstance(cell.condition, Attacked)
        ids = torch.from_numpy(self.source.data.ids[positions]).to(self.device)
        piece = max(self.batch_size, _ATTACK_PIECE_BYTES // (4 * images[0].numel()))
        pieces: list[Examples] = []
        for start in range(0, len(images), piece):
            rows = slice(start, start + piece)
            outcome = run_attack(
                module,
                to_unit_range(images[rows], self.device),
                labels[rows],
                cell.condition.attack,
                seed=self.source.seed,
                ids=ids[rows],
                batch_size=self.batch_size,
            )
            new = tuple(warning for warning in outcome.warnings if warning not in self.warnings[cell.key])
            self.warnings[cell.key] += new
            examples = score(outcome.logits, labels[rows].cpu())
            pieces.append(
                replace(
                    examples,
                    rung=outcome.rung.cpu().numpy(),
                    restart=outcome.restart.cpu().numpy(),
                    step=outcome.step.cpu().numpy(),
                )
            )
        return Examples.concatenate(pieces)

    def _close(self, cell: PlannedCell, block: int, examples: Examples | None) -> None:
        """Store one block's examples, and the whole cell after its last block."""
        n_blocks = len(self.blocks)
        if n_blocks > 1:
            if examples is not None:
                self.store.write_part(cell.checkpoint.id, cell.key, block, examples)
            if block < n_blocks - 1:
                self.progress.advance(0, self.cost(cell.condition) // n_blocks)
                return
            examples = self.store.read_parts(cell.checkpoint.id, cell.key, n_blocks)
        assert examples is not None
        recorded = {"device": str(self.device), "batch_size": self.batch_size, "seconds": self.seconds[cell.key]}
        finished = make_cell(cell, self.source, examples, recorded, self.warnings[cell.key])
        self.store.write(finished, examples)
        for sentence in finished.warnings:
            self.progress.warn(f"{cell.checkpoint.name}, {cell.condition.name}: {sentence}")
        self.computed += 1
        self.progress.advance(1, self.cost(cell.condition) - self.cost(cell.condition) // n_blocks * (n_blocks - 1))

    def _fail(self, cell: PlannedCell, error: Exception) -> None:
        sentence = f"{cell.checkpoint.name}, {cell.condition.name}: {error}"
        self.dead.add(cell.key)
        self.failed.append(sentence)
        self.progress.warn(sentence)
        self.progress.advance(1, self.cost(cell.condition))
