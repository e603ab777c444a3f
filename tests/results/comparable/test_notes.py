import copy
import pickle

from robustsweep.results.comparable.notes import Note, of_kind


def test_notes_are_found_by_their_kind_and_not_by_their_words() -> None:
    notes = ("No mCE by a: so.", Note("No mCE by b: so.", "no mCE"), Note("[a, b]: so.", "intervals"))
    assert of_kind(notes, "no mCE") == ["No mCE by b: so."]
    assert of_kind(notes, "audits") == []
    assert notes[1] == "No mCE by b: so."


def test_copies_and_pickles_keep_the_kind():
    note = Note("No mCE by x.", "no mCE")
    for again in (copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert again == note
        assert of_kind([again], "no mCE") == [note]
