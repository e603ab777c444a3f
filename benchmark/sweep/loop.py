"""The loop of a sweep: for each block and condition, make the images once and show them to every checkpoint."""

import time
from collections import defaultdict
from collections.abc import Generator, Sequence

import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.plan.blocks import Block, split_positions
from robustsweep.benchmark.plan.conditions import Attacked, Condition, Corrupted, Sequenced, Windowed
from robustsweep.benchmark.plan.plan import Plan, PlannedCell, grouped
from robustsweep.benchmark.plan.shard import cost
from robustsweep.benchmark.sweep.attack_block import attack_images, joined
from robustsweep.benchmark.sweep.batch_sizes import BatchSizes
from robustsweep.benchmark.sweep.block_parts import Computed, through_parts
from robustsweep.benchmark.sweep.cell_record import make_cell
from robustsweep.benchmark.sweep.evaluation import evaluate
from robustsweep.benchmark.sweep.first_look import Inspection
from robustsweep.benchmark.sweep.progress import Progress, Settled
from robustsweep.benchmark.sweep.sample_images import keep_samples
from robustsweep.benchmark.sweep.sequence_block import sequence_examples
from robustsweep.benchmark.sweep.window_block import windowed_images
from robustsweep.errors import CheckpointError, DataError, RobustsweepError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.process.freed_memory import keep_freed_memory
from robustsweep.process.precision import full_precision
from robustsweep.results.stored.cells import Examples
from robustsweep.results.stored.store import CellStore


class Run:
    """One sweep while it runs.

    Args:
        plan: What is wanted.
        store: Where finished cells go.
        progress: Receives events.
        device: Where to compute.
        batch_size: Images per forward pass; fewer, if memory runs out.
        block_bytes: Images are handled in blocks if the whole set, as uint8, is larger than this.
        models_at_once: Checkpoints held on the device together; None: all.
        plan_name: Name of the plan's file, which cells note so that its loss does not go unnoticed.
    """

    def __init__(
        self,
        plan: Plan,
        store: CellStore,
        progress: Progress,
        *,
        device: torch.device,
        batch_size: int,
        block_bytes: int,
        models_at_once: int | None,
        plan_name: str,
    ) -> None:
        self._computed = 0
        self._failed: list[str] = []
        self._plan, self._source, self._store, self._progress = plan, plan.source, store, progress
        self._device, self._models_at_once, self._plan_name = device, models_at_once, plan_name
        self._batch_sizes = BatchSizes(batch_size, progress)
        self._dead: set[str] = set()  # keys of cells that failed in an earlier block
        self._inspection = Inspection(plan, progress, batch_size)
        self._blocks = split_positions(self._source, block_bytes)

    def compute(self, cells: Sequence[PlannedCell]) -> Generator[Settled, None, None]:
        """Compute cells, and tell of them whenever those of some checkpoints are settled.

        Raises:
            DataError: If images cannot be read.
            CheckpointError: If a checkpoint cannot be loaded once more.
        """
        keep_freed_memory()
        for group in grouped(cells, self._models_at_once):
            self._computed, self._failed = 0, []
            self._compute(group)
            yield Settled(group, self._computed, tuple(self._failed))

    def _compute(self, cells: list[PlannedCell]) -> None:
        """Compute cells whose checkpoints fit the device together."""
        checkpoints = {cell.checkpoint.id: cell.checkpoint for cell in cells}
        modules = {identity: self._loaded(checkpoint) for identity, checkpoint in checkpoints.items()}
        together = [[cell for cell in cells if cell.condition in group] for group in joined(self._plan.conditions)]
        with full_precision():
            for index, positions in enumerate(self._blocks):
                block = Block.of(self._source, index, positions, self._device)
                for wanting in together:
                    self._together([cell for cell in wanting if cell.key not in self._dead], modules, block)

    def _loaded(self, checkpoint: Checkpoint) -> nn.Module:
        try:
            with foreign_code():
                return checkpoint.load().to(self._device).to(memory_format=torch.channels_last)
        except RobustsweepError:
            raise
        except Exception as error:  # a network may be anybody's code
            raise CheckpointError(f"{checkpoint.name} cannot be loaded ({described(error)}).") from error

    def _together(self, cells: list[PlannedCell], modules: dict[str, nn.Module], block: Block) -> None:
        """Compute one block of cells that show the same images to their checkpoints."""
        todo = self._todo(cells, block)
        if not todo:
            return
        begun = time.monotonic()
        try:
            with foreign_code():
                images = self._images(todo[0].condition, block)
        except DataError:
            raise
        except Exception as error:  # a corruption may be another package's code
            for cell in todo:
                self._fail(cell, block, error)
            return
        making_s = (time.monotonic() - begun) / len(todo)
        keep_samples(self._store.samples, todo[0], images, block)
        by_checkpoint: dict[str, list[PlannedCell]] = defaultdict(list)
        for cell in todo:
            try:
                with foreign_code():
                    self._inspection.look(cell, modules[cell.checkpoint.id], images, block)
            except Exception as error:  # a network may be anybody's code
                self._fail(cell, block, error)
            else:
                by_checkpoint[cell.checkpoint.id].append(cell)
        for checkpoint_id, same in by_checkpoint.items():
            self._show(same, modules[checkpoint_id], images, making_s, block)

    def _todo(self, cells: list[PlannedCell], block: Block) -> list[PlannedCell]:
        """Settle the cells whose block is stored already; return the others."""
        todo: list[PlannedCell] = []
        for cell in cells:
            if self._store.has(cell.checkpoint.id, cell.key):  # another process has finished it meanwhile
                self._advance(cell, block)
            elif self._store.parts.has(cell.checkpoint.id, cell.key, block.index):  # from an interrupted run
                self._close(cell, block, None)
            else:
                todo.append(cell)
        return todo

    def _show(self, cells: list[PlannedCell], module: nn.Module, images: Tensor, making_s: float, block: Block) -> None:
        """Show images to one checkpoint and store what it says, making them having taken ``making_s`` per cell."""
        self._progress.working_on(cells[0].checkpoint.name, ", ".join(cell.condition.name for cell in cells))
        begun = time.monotonic()
        try:
            with foreign_code():
                found = self._batch_sizes.fit(
                    cells[0],
                    images.shape[:-3].numel(),
                    lambda size: self._examples(cells, module, images, block, size),
                )
        except Exception as error:  # a network may be anybody's code
            for cell in cells:
                self._fail(cell, block, error)
            return
        seconds = (time.monotonic() - begun) / len(cells) + making_s
        for cell, (examples, warnings) in zip(cells, found, strict=True):
            self._close(cell, block, Computed(examples, seconds, warnings))

    def _images(self, condition: Condition, block: Block) -> Tensor:
        if isinstance(condition, Corrupted) and self._source.is_official:
            return self._source.read_corrupted(condition, block.positions).to(self._device)
        if isinstance(condition, Corrupted):
            return self._source.generate(condition, block.clean, block.ids)
        if isinstance(condition, Sequenced):
            return self._source.sequences(condition, lambda: block.clean, block.positions)
        if isinstance(condition, Windowed):
            return windowed_images(condition, block)
        return block.clean

    def _examples(
        self, cells: list[PlannedCell], module: nn.Module, images: Tensor, block: Block, batch_size: int
    ) -> list[tuple[Examples, tuple[str, ...]]]:
        """Show images to one checkpoint, for one cell, or for several attacks that share their gradients."""
        attacks = [cell.condition.attack for cell in cells if isinstance(cell.condition, Attacked)]
        condition = cells[0].condition
        if isinstance(condition, Sequenced):
            frames = sequence_examples(
                module, images, block.labels, condition, batch_size=batch_size, device=self._device
            )
            return [(frames, ())]
        if not attacks:
            said = evaluate(
                module,
                images,
                block.labels,
                batch_size=batch_size,
                device=self._device,
                outputs=self._source.outputs,
            )
            return [(said, ())]
        return attack_images(
            module, images, block.labels, block.ids, attacks, seed=self._source.seed, batch_size=batch_size
        )

    def _close(self, cell: PlannedCell, block: Block, computed: Computed | None) -> None:
        """Store what was computed of one block, and the whole cell after its last block."""
        n_blocks = len(self._blocks)
        if n_blocks > 1:
            try:
                computed = through_parts(self._store, self._inspection, cell, block.index, n_blocks, computed)
            except (DataError, OSError):
                # A process that finishes the same cell removes its parts.
                if not self._store.has(cell.checkpoint.id, cell.key):
                    raise
                computed = None
        if computed is not None:
            self._finish(cell, computed)
        self._advance(cell, block)

    def _advance(self, cell: PlannedCell, block: Block) -> None:
        is_last = block.index == len(self._blocks) - 1
        self._progress.advance(int(is_last), cost(cell.condition) * len(block.positions))

    def _finish(self, cell: PlannedCell, computed: Computed) -> None:
        recorded = {
            "device": str(self._device),
            "batch_size": self._batch_sizes.of(cell),
            "seconds": computed.seconds,
            "plan": self._plan_name,
        }
        inspected = self._inspection.findings(cell)
        finished = make_cell(cell, self._source, computed.examples, recorded, (*inspected, *computed.warnings))
        self._store.write(finished, computed.examples)
        for sentence in finished.warnings[len(inspected) :]:  # the first ones were told already
            self._progress.warn(f"{cell.checkpoint.name}, {cell.condition.name}: {sentence}")
        self._computed += 1

    def _fail(self, cell: PlannedCell, block: Block, error: Exception) -> None:
        sentence = f"{cell.checkpoint.name}, {cell.condition.name}: {described(error)}"
        self._dead.add(cell.key)
        self._failed.append(sentence)
        self._progress.warn(sentence)
        n_left = sum(len(positions) for positions in self._blocks[block.index :])
        self._progress.advance(1, cost(cell.condition) * n_left)
