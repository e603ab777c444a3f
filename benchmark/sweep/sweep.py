"""The sweep: compute every missing cell of a plan."""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

import torch

from robustsweep.benchmark.plan.blocks import BLOCK_BYTES
from robustsweep.benchmark.plan.conditions import Attacked
from robustsweep.benchmark.plan.plan import Plan, PlannedCell
from robustsweep.benchmark.plan.shard import Shard, cost
from robustsweep.benchmark.sweep.batch_sizes import choose_batch_size
from robustsweep.benchmark.sweep.checkpoint_audits import Auditor
from robustsweep.benchmark.sweep.loop import Run
from robustsweep.benchmark.sweep.progress import Progress, Settled, Silent
from robustsweep.errors import CellsFailedError, DataError
from robustsweep.results.stored.cells import Json
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.store import CellStore


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """How to compute; nothing here is part of a cell's key.

    Attributes:
        device: Where to compute.
        batch_size: Images per forward pass; None: by image size and device.
        shard: The part of the plan to compute.
        models_at_once: Checkpoints held on the device together; None: all.
        block_bytes: Images are handled in blocks of 2 048 if the whole set, as uint8, is larger than this.
        audit: Whether checkpoints are audited if the plan holds an attack; with shards, by the first one.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int | None = None
    shard: Shard = field(default_factory=Shard)
    models_at_once: int | None = None
    block_bytes: int = BLOCK_BYTES
    audit: bool = False


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """What a sweep did.

    Attributes:
        computed: Cells computed now.
        reused: Cells that were stored already.
        failed: One sentence per cell or audit that could not be computed.
        seconds: Wall time.
        audited: Audits made now, each ordered pair of checkpoints being one.
        n_failed_audits: How many of ``failed`` are audits.
    """

    computed: int
    reused: int
    failed: tuple[str, ...]
    seconds: float
    audited: int = 0
    n_failed_audits: int = 0

    def raise_if_failed(self) -> None:
        """Raise CellsFailedError if a cell or an audit failed."""
        if self.failed:
            counts = {"cells": len(self.failed) - self.n_failed_audits, "audits": self.n_failed_audits}
            what = " and ".join(f"{n} {noun}" for noun, n in counts.items() if n)
            raise CellsFailedError(f"{what} failed; the others are stored. First: {self.failed[0]}")


class Engine(Protocol):
    """Computes cells elsewhere: on several devices, in other processes."""

    def compute(
        self, cells: Sequence[PlannedCell], plan_name: str, progress: Progress
    ) -> Generator[Settled, None, None]:
        """Compute and store cells, and tell of them as they are settled.

        Args:
            cells: What is missing.
            plan_name: Name of the plan's file in the run folder, which cells note.
            progress: Receives events.
        """


def run_sweep(
    plan: Plan,
    store: CellStore,
    settings: SweepSettings | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> SweepSummary:
    """Compute the missing cells of a plan. Interrupt it at any time: run it again to continue.

    A cell that cannot be computed (a broken network, a library that a corruption lacks) is named in the summary and the
    rest goes on; images that cannot be read end the sweep, and so does, before its first cell, an attack of a library
    that is not installed.

    Args:
        plan: What is wanted.
        store: Where finished cells are and go.
        settings: How to compute.
        progress: Receives events.
        engine: What computes the cells; None: this process, on the device of the settings.

    Raises:
        DataError: If images, or what is stored of the plan's checkpoints, cannot be read.
        MissingDependencyError: If the library of an attack is not installed.
    """
    begun = time.monotonic()
    settings, progress = settings or SweepSettings(), progress or Silent()
    store.remove_leftovers()
    batch_size = settings.batch_size or choose_batch_size(plan.source.data.size, settings.device)
    auditor = Auditor(plan, store.root, progress, device=settings.device, batch_size=batch_size)
    audits = settings.audit and any(isinstance(condition, Attacked) for condition in plan.conditions)
    plan_name = _announce(plan, store, auditor.wanted() if audits else ())
    _refuse_damage(plan, store)
    wanted = plan.wanted(settings.shard)
    missing = plan.missing(store, settings.shard)
    computed, failed = 0, list[str]()
    if missing:
        progress.begin(len(missing), sum(cost(cell.condition) for cell in missing) * len(plan.source.positions))
        settled = (
            engine.compute(missing, plan_name, progress)
            if engine
            else start_run(plan, store, settings, progress, plan_name).compute(missing)
        )
        with closing(settled):
            for part in settled:
                computed, failed = computed + part.computed, [*failed, *part.failed]
                _compact(plan, store, progress, {cell.checkpoint.id for cell in part.cells})
    _compact(plan, store, progress, {c.id for c in plan.checkpoints} - {cell.checkpoint.id for cell in missing})
    if audits and settings.shard.index == 1:
        auditor.run()
    return SweepSummary(
        computed,
        len(wanted) - len(missing),
        (*failed, *auditor.failed),
        time.monotonic() - begun,
        auditor.computed,
        len(auditor.failed),
    )


def start_run(plan: Plan, store: CellStore, settings: SweepSettings, progress: Progress, plan_name: str) -> Run:
    """Make ready what computes cells in this process.

    Args:
        plan: What is wanted.
        store: Where finished cells are and go.
        settings: How to compute.
        progress: Receives events.
        plan_name: Name of the plan's file in the run folder.
    """
    return Run(
        plan,
        store,
        progress,
        device=settings.device,
        batch_size=settings.batch_size or choose_batch_size(plan.source.data.size, settings.device),
        block_bytes=settings.block_bytes,
        models_at_once=settings.models_at_once,
        plan_name=plan_name,
    )


def _compact(plan: Plan, store: CellStore, progress: Progress, checkpoint_ids: set[str]) -> None:
    """Compact those of some checkpoints that lack no cell of the plan, whoever computed them."""
    for checkpoint in plan.checkpoints:
        if checkpoint.id not in checkpoint_ids:
            continue
        cells = [plan.cells[checkpoint.id, condition] for condition in plan.conditions]
        if all(store.has(checkpoint.id, cell.key) for cell in cells):
            try:
                compact_checkpoint(store, checkpoint.id)
            except DataError as error:  # of an older cell; those of this sweep are stored
                progress.warn(f"{checkpoint.name} is not compacted: {error}")


def _announce(plan: Plan, store: CellStore, audits: Sequence[Json]) -> str:
    """Store what belongs to the whole plan: images, names of checkpoints, wanted cells and audits; return its name."""
    store.write_images(plan.source.images_key, plan.source.ids, plan.source.labels)
    if names := plan.source.data.class_names():
        store.samples.write_class_names(plan.source.images_key, names)
    for checkpoint in plan.checkpoints:
        store.write_checkpoint({"id": checkpoint.id, "name": checkpoint.name, "card": checkpoint.card.to_dict()})
    return store.write_plan(plan.entries(), audits, plan.compare)


def _refuse_damage(plan: Plan, store: CellStore) -> None:
    """Read what is stored of the plan's checkpoints: a damaged cell must not pass for a finished one."""
    planned = {cell.key for cell in plan.cells.values()}
    for checkpoint in plan.checkpoints:
        for cell in store.cells_of(checkpoint.id):
            if cell.key in planned and store.has_examples(checkpoint.id, cell.key):
                store.check_examples(cell)
