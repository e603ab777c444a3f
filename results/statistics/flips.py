"""Changes of predictions along a sequence of frames.

Source: Hendrycks & Dietterich 2019, section 5.1: flip probability, and top-5 distance; difficulty 1, in which published
numbers are given.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import Floats

TOP = 5

Classes = npt.NDArray[np.integer[Any]]


def flip_probability(predictions: Classes, *, with_first: bool) -> Floats:
    """Return the share of the frames after the first whose prediction is another one.

    Args:
        predictions: Shape (n, frames), the top-1 class of each frame.
        with_first: Hold frames against the first one, as for noises; else against the one before.

    Returns:
        Shape (n,).

    Raises:
        DataError: If there are fewer than two frames.
    """
    earlier, later = _pairs(predictions, with_first)
    return np.asarray((earlier != later).mean(axis=1), dtype=np.float64)


def top5_distance(best: Classes, *, with_first: bool) -> Floats:
    """Return the mean distance of a frame's five best classes from those of the frame that it is held against.

    The distance is the sum over the five of the first frame of ``|i - min(j, 5)|``, where i, from 0, is the class's
    rank there and j its rank in the other: 0 for the same five in the same order, 1 where ranks 5 and 6 swap, 15 where
    all five leave.

    Args:
        best: Shape (n, frames, 5), the best classes of each frame, best first; fewer where there are fewer.
        with_first: As in ``flip_probability``.

    Returns:
        Shape (n,).

    Raises:
        DataError: If there are fewer than two frames.
    """
    earlier, later = _pairs(best, with_first)
    is_same = earlier[..., :, None] == later[..., None, :]
    ranks = np.where(is_same.any(axis=-1), is_same.argmax(axis=-1), TOP)
    distances = np.abs(np.arange(best.shape[2]) - ranks).sum(axis=-1)
    return np.asarray(distances.mean(axis=1), dtype=np.float64)


def _pairs(frames: Classes, with_first: bool) -> tuple[Classes, Classes]:
    if frames.ndim < 2 or frames.shape[1] < 2:
        raise DataError(f"A sequence needs two frames or more, got shape {frames.shape}.")
    return (frames[:, :1] if with_first else frames[:, :-1]), frames[:, 1:]
