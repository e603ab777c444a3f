"""The cards of a run's checkpoints, as the last sweep gave them."""

from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Json
from robustsweep.results.stored.entries import has_file, write_unless_there
from robustsweep.results.stored.json.cell_fields import CheckpointFields
from robustsweep.results.stored.json.documents import read_document, sealed

_MOST_BYTES = 4 << 20
_ADVICE = "delete it and sweep again"


class CardFiles:
    """The folder ``checkpoints`` of a run.

    Args:
        run: The run folder.

    Attributes:
        unsealed: The files without a checksum among those that were read.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self.unsealed: set[Path] = set()

    def write(self, checkpoint: Json) -> None:
        """Note a checkpoint's ``id``, ``name`` and ``card``."""
        write_unless_there(self._run, _names(checkpoint["id"]), sealed(checkpoint))

    def of(self, checkpoint_id: str) -> Json | None:
        """Read what the last sweep called a checkpoint; None if none has said so.

        Raises:
            DataError: If it cannot be read, or is another's.
        """
        names = _names(checkpoint_id)
        if not has_file(self._run, *names):
            return None
        path = self._run.joinpath(*names)
        document = read_document(path, CheckpointFields, "a checkpoint's card", _ADVICE, _MOST_BYTES)
        if document.content["id"] != checkpoint_id:
            raise DataError(f"{path} is the card of checkpoint {document.content['id'][:40]}; {_ADVICE}.")
        if not document.is_sealed:
            self.unsealed.add(path)
        return document.content


def _names(checkpoint_id: str) -> tuple[str, str]:
    return "checkpoints", f"{checkpoint_id}.json"
