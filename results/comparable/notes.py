"""Sentences beside results that code looks for, which it does by their kind and never by their words."""

from collections.abc import Iterable
from typing import Literal

Kind = Literal["intervals", "audits", "overshoot", "reference", "no mCE"]


class Note(str):
    """A sentence of some kind; every other string is of none.

    Args:
        text: The sentence.
        kind: What it says: what the intervals of a table are, what audits warn of, that a single
            step overshoots, whose errors divide those of mCE, or why there is no mCE.
    """

    kind: Kind

    def __new__(cls, text: str, kind: Kind) -> "Note":
        """Make the string."""
        note = super().__new__(cls, text)
        note.kind = kind
        return note

    def __reduce__(self) -> tuple[type["Note"], tuple[str, Kind]]:
        """Return what copies and pickles are made from."""
        return Note, (str(self), self.kind)


def of_kind(notes: Iterable[str], kind: Kind) -> list[str]:
    """Return the sentences of one kind."""
    return [note for note in notes if isinstance(note, Note) and note.kind == kind]
