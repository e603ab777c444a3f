"""Shares of the training images: what networks are trained on, what trials are judged by, and what neither sees."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.errors import DataError
from robustsweep.training.images.training_images import split

SEARCHED_SHARE = 0.4


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one network.

    Attributes:
        number: From 0.
        trained: Positions of those that it is trained on, int64, ascending.
        searched: Positions of those that judge its trials, int64, ascending.
    """

    number: int
    trained: Int64Array
    searched: Int64Array


def split_images(data: Dataset, n: int, seed: int) -> tuple[Int64Array, tuple[Split, ...]]:
    """Hold a tenth out, and split the others ``n`` times by chance, stratified by class.

    Splits are independent of each other, so that an image is searched on in several.

    Source: Lim et al., "Fast AutoAugment" (NeurIPS 2019), and the authors' code, which shuffles likewise where the
    paper speaks of folds. Difference: the tenth held out, on which the found policy is judged, is ours.

    Returns:
        The positions held out, and the splits.

    Raises:
        DataError: If a class has too few images.
    """
    held_out, others = split(data, hold_out=True)
    shuffles = StratifiedShuffleSplit(n, test_size=SEARCHED_SHARE, random_state=seed)
    try:
        pairs = [
            (np.sort(others[trained]), np.sort(others[searched]))
            for trained, searched in shuffles.split(np.zeros(len(others)), data.labels[others])
        ]
    except ValueError as error:
        raise DataError(
            f"{len(data)} images of {data.classes} classes cannot be split for a search ({error}); take more of them."
        ) from error
    return held_out, tuple(Split(number, *pair) for number, pair in enumerate(pairs))


def taking(data: Dataset, positions: Int64Array) -> Dataset:
    """Return the images at ``positions`` as a data set whose fingerprint says which they are."""
    part = data.taking(positions)
    digest = hashlib.sha256(data.fingerprint.encode() + part.ids.tobytes()).hexdigest()
    return replace(part, fingerprint=digest)
