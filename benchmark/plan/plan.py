"""The plan of a sweep: every cell that is wanted, with its key, and which of them are stored already."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.plan.conditions import Condition
from robustsweep.benchmark.plan.fit import Skipped, part_by_fit, skipped_sentences
from robustsweep.benchmark.plan.shard import Shard, cost
from robustsweep.benchmark.plan.source import Source
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.results.stored.cells import Json, identity_key
from robustsweep.results.stored.store import CellStore

# Raised whenever a number can change for the same checkpoint, data and condition.
PROTOCOL_VERSION = 4


@dataclass(frozen=True)
class PlannedCell:
    """One wanted cell."""

    checkpoint: Checkpoint
    condition: Condition
    identity: Json

    @cached_property
    def key(self) -> str:
        """The 64 hexadecimal digits that name the cell."""
        return identity_key(self.identity)


@dataclass(frozen=True)
class Plan:
    """All wanted cells of one source.

    Attributes:
        source: The images.
        checkpoints: The checkpoints, each once.
        conditions: The conditions, each once, with everything filled in.
        skipped: Conditions that were asked for and cannot be measured on these images.
        compare: The comparison that it declares, for the report; None: none.
    """

    source: Source
    checkpoints: tuple[Checkpoint, ...]
    conditions: tuple[Condition, ...]
    skipped: tuple[Skipped, ...]
    compare: Json | None = None

    @cached_property
    def cells(self) -> dict[tuple[str, Condition], PlannedCell]:
        """The cells by checkpoint id and condition; two conditions of other settings may share a name."""
        described = [(condition, self.source.identity(condition)) for condition in self.conditions]
        return {
            (checkpoint.id, condition): PlannedCell(
                checkpoint,
                condition,
                {"protocol": PROTOCOL_VERSION, "precision": "float32", "checkpoint": checkpoint.identity, **images},
            )
            for checkpoint in self.checkpoints
            for condition, images in described
        }

    def entries(self) -> list[Json]:
        """List the cells as ``WantedPlan`` takes them."""
        return [
            {
                "key": cell.key,
                "checkpoint_id": cell.checkpoint.id,
                "checkpoint": cell.checkpoint.name,
                "condition": cell.condition.name,
            }
            for cell in self.cells.values()
        ]

    def wanted(self, shard: Shard) -> list[PlannedCell]:
        """List the cells of a shard, condition by condition."""
        costs = [cost(condition) for condition in self.conditions]
        return [
            self.cells[self.checkpoints[column].id, self.conditions[row]]
            for row, column in shard.takes(costs, len(self.checkpoints))
        ]

    def missing(self, store: CellStore, shard: Shard) -> list[PlannedCell]:
        """List the cells of a shard that are not stored."""
        return [cell for cell in self.wanted(shard) if not store.has(cell.checkpoint.id, cell.key)]


def grouped(cells: Sequence[PlannedCell], most_checkpoints: int | None) -> Iterator[list[PlannedCell]]:
    """Part cells into groups of at most that many checkpoints, None: of all, in the order of the checkpoints."""
    by_checkpoint: dict[str, list[PlannedCell]] = defaultdict(list)
    for cell in cells:
        by_checkpoint[cell.checkpoint.id].append(cell)
    ids = list(by_checkpoint)
    size = most_checkpoints or len(ids) or 1
    for start in range(0, len(ids), size):
        yield [cell for checkpoint_id in ids[start : start + size] for cell in by_checkpoint[checkpoint_id]]


def make_plan(source: Source, checkpoints: list[Checkpoint], conditions: tuple[Condition, ...]) -> Plan:
    """Check that everything fits together and list the cells.

    Raises:
        CheckpointError: If a checkpoint does not fit the data, or two are the same.
        DataError: If an official set holds a corruption malformed.
        UsageError: If nothing is left to compute.
    """
    if not checkpoints:
        raise UsageError("Name at least one checkpoint with --checkpoint SPEC.")
    _check_distinct(checkpoints)
    for checkpoint in checkpoints:
        _check_fit(checkpoint, source)
    supported, skipped = part_by_fit(source, conditions)
    if not supported:
        raise UsageError(
            f"Nothing that is asked for can be measured on {source.data.name}: "
            f"{'; '.join(skipped_sentences(skipped))}. Ask for other conditions or name other data."
        )
    # Conditions that differ as they are asked for can be the same on this data.
    concrete = tuple(dict.fromkeys(source.concrete(condition) for condition in supported))
    return Plan(source, tuple(checkpoints), concrete, skipped)


def _check_distinct(checkpoints: list[Checkpoint]) -> None:
    by_id: dict[str, Checkpoint] = {}
    by_name: dict[str, Checkpoint] = {}
    for checkpoint in checkpoints:
        if checkpoint.id in by_id:
            raise CheckpointError(
                f"{checkpoint.name} and {by_id[checkpoint.id].name} have the same weights, architecture and "
                "normalisation; give each checkpoint once."
            )
        if checkpoint.name in by_name:
            raise CheckpointError(
                f"Two different checkpoints are called {checkpoint.name!r}; tell them apart with name=."
            )
        by_id[checkpoint.id] = by_name[checkpoint.name] = checkpoint


def _check_fit(checkpoint: Checkpoint, source: Source) -> None:
    card, data = checkpoint.card, source.data
    if source.outputs and card.classes != source.outputs.of:
        raise CheckpointError(
            f"{checkpoint.name} has {card.classes} outputs, {data.name} has {data.classes} of the "
            f"{source.outputs.of} classes of ImageNet; give a network with {source.outputs.of} outputs."
        )
    if not source.outputs and card.classes != data.classes:
        raise CheckpointError(
            f"{checkpoint.name} has {card.classes} outputs, {data.name} has {data.classes} classes; "
            "give a checkpoint of this data set."
        )
    if card.input_size is not None and not card.resize_input and data.size != (card.input_size, card.input_size):
        raise CheckpointError(
            f"{checkpoint.name} expects {card.input_size}x{card.input_size} images, {data.name} has "
            f"{data.size[0]}x{data.size[1]}; add input_size={card.input_size} to its spec to resize inside the module, "
            "or resize= and crop= to the data spec."
        )
