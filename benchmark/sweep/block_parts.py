"""Parts: the blocks of an unfinished cell as they are stored, and the cell that comes of them."""

from dataclasses import dataclass

from robustsweep.benchmark.plan.plan import PlannedCell
from robustsweep.benchmark.sweep.first_look import Inspection
from robustsweep.results.stored.cells import Examples
from robustsweep.results.stored.parts import Part
from robustsweep.results.stored.store import CellStore


@dataclass(frozen=True, slots=True)
class Computed:
    """What was computed of a cell: one block of it, or all.

    Attributes:
        examples: The per-image results.
        seconds: How long they took.
        warnings: Sentences from the computation, each once, without those of the inspection.
    """

    examples: Examples
    seconds: float
    warnings: tuple[str, ...]


def through_parts(
    store: CellStore,
    inspection: Inspection,
    cell: PlannedCell,
    block: int,
    n_blocks: int,
    computed: Computed | None,
) -> Computed | None:
    """Store one block of a cell; after the last block, join all blocks, those of an interrupted sweep among them.

    Args:
        store: Where parts are and go.
        inspection: What was found of the checkpoint; takes what an interrupted sweep found.
        cell: The cell.
        block: Index of the block.
        n_blocks: Number of blocks.
        computed: Of that block; None if it is stored already.

    Returns:
        The whole cell after its last block, else None.

    Raises:
        DataError: If a part cannot be read.
    """
    place = cell.checkpoint.id, cell.key
    if computed is None:
        inspection.take(cell, store.parts.read(*place, block).notes["inspected"])
    else:
        notes = {
            "seconds": computed.seconds,
            "warnings": list(computed.warnings),
            "inspected": inspection.notes(cell),
        }
        store.parts.write(*place, block, Part(computed.examples, notes))
    if block < n_blocks - 1:
        return None
    parts = [store.parts.read(*place, index) for index in range(n_blocks)]
    return Computed(
        Examples.concatenate([part.examples for part in parts]),
        sum(part.notes["seconds"] for part in parts),
        tuple(dict.fromkeys(sentence for part in parts for sentence in part.notes["warnings"])),
    )
