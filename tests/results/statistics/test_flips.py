"""Flip probability and top-5 distance: closed forms, and the published formula restated."""

import numpy as np
import pytest

from robustsweep.errors import DataError
from robustsweep.results.statistics.flips import flip_probability, top5_distance


def test_a_network_that_answers_constantly_never_flips():
    predictions = np.full((3, 31), 7, dtype=np.uint16)
    assert flip_probability(predictions, with_first=False).tolist() == [0, 0, 0]
    assert flip_probability(predictions, with_first=True).tolist() == [0, 0, 0]


def test_one_that_alternates_always_flips():
    predictions = (np.arange(31) % 2)[None]
    assert flip_probability(predictions, with_first=False).tolist() == [1]
    # Every other frame is the first one's again: 15 of 30 differ.
    assert flip_probability(predictions, with_first=True).tolist() == [0.5]


def test_two_frames_by_hand():
    frames = np.array([[3, 3], [3, 4]])
    assert flip_probability(frames, with_first=False).tolist() == [0, 1]
    assert flip_probability(frames, with_first=True).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("second", "distance"),
    [
        ([0, 1, 2, 3, 4], 0),
        ([1, 0, 2, 3, 4], 2),  # ranks 1 and 2 swap
        ([0, 1, 2, 3, 5], 1),  # ranks 5 and 6 swap: 4 goes from 4 to 5 or more
        ([5, 1, 2, 3, 4], 5),  # ranks 1 and 6 swap
        ([4, 3, 2, 1, 0], 12),  # turned: 4 + 2 + 0 + 2 + 4
        ([5, 6, 7, 8, 9], 15),  # all leave: 5 + 4 + 3 + 2 + 1
        ([1, 2, 3, 4, 5], 9),  # each moves up, the first leaves
    ],
)
def test_the_distance_of_a_known_permutation(second, distance):
    frames = np.array([[[0, 1, 2, 3, 4], second]])
    assert top5_distance(frames, with_first=False).tolist() == [distance]
    assert top5_distance(frames, with_first=True).tolist() == [distance]


def ranks(logits):
    """Rank from 1, ties by index, as SciPy's ordinal ranks of the negated logits."""
    order = np.argsort(-logits, axis=-1, kind="stable")
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(1, logits.shape[-1] + 1)[None, None], axis=-1)
    return found


@pytest.mark.parametrize("with_first", [False, True])
def test_both_are_what_the_published_loops_give(with_first):
    logits = np.random.default_rng(0).normal(size=(20, 9, 10)).round(1)
    steps = np.r_[0, np.ones(5), np.zeros(4)].cumsum()
    all_ranks, top1 = ranks(logits), logits.argmax(axis=-1)
    flips, distances = [], []
    for video in range(20):
        flipped, moved = [], []
        first, best = all_ranks[video, 0], top1[video, 0]
        for frame in range(1, 9):
            there = all_ranks[video, frame]
            sigma = there[np.argsort(first)]
            moved.append(np.abs(steps[:5] - steps[sigma - 1][:5]).sum())
            flipped.append(best != top1[video, frame])
            if not with_first:
                first, best = there, top1[video, frame]
        flips.append(np.mean(flipped))
        distances.append(np.mean(moved))
    five = np.argsort(-logits, axis=-1, kind="stable")[..., :5]
    assert flip_probability(top1, with_first=with_first) == pytest.approx(flips)
    assert top5_distance(five, with_first=with_first) == pytest.approx(distances)


def test_one_frame_is_no_sequence():
    with pytest.raises(DataError, match="two frames or more"):
        flip_probability(np.zeros((3, 1), dtype=int), with_first=False)
