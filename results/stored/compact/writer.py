"""Write the finished cells of a checkpoint as one small file."""

from robustsweep.results.stored.cells import Cell
from robustsweep.results.stored.compact.layout import Summary, compacted, summarised
from robustsweep.results.stored.store import CellStore


def compact_checkpoint(store: CellStore, checkpoint_id: str) -> None:
    """Write ``compact/<checkpoint id>.npz``, unless it stands in for every finished cell and has today's layout.

    The cells' folders stay as they are; cells whose folders are gone are taken over from the file that was there.

    Raises:
        DataError: If the per-image arrays of a cell cannot be read, or contradict its counts.
    """
    if store.is_compacted(checkpoint_id):
        return
    cells = [(cell, _summary(store, cell)) for cell in store.cells_of(checkpoint_id)]
    store.write_compacted(checkpoint_id, compacted(cells))


def _summary(store: CellStore, cell: Cell) -> Summary:
    found = store.summary_of(cell.checkpoint["id"], cell.key)
    if found is None:
        found = summarised(store.examples(cell), store.images(cell.data["images_key"])[1])
    return found
