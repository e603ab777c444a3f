"""scikit-learn's handwritten digits as a small RGB data set: the embedded default."""

import numpy as np
from torch import from_numpy, uint8
from torch.nn.functional import interpolate

from robustsweep.benchmark.data.dataset import Dataset, from_array

_SIDE = 32
_TEST_SHARE = 0.2
_SPLIT_SEED = 0


def open_digits(split: str) -> Dataset:
    """Open the digits: 1 797 grey images of 8x8, bilinear to 32x32 with three equal channels.

    The stratified split is fixed: 1 437 images for training, 360 for testing. Digits must never be flipped.

    Args:
        split: ``"train"`` or ``"test"``.
    """
    # scikit-learn takes seconds to import and only this data set needs it.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    grey = from_numpy(bunch.images / 16.0).unsqueeze(1)
    large = interpolate(grey, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
    images = (large * 255.0).round().to(uint8).expand(-1, 3, -1, -1).numpy()
    train, test = train_test_split(
        np.arange(len(images)), test_size=_TEST_SHARE, random_state=_SPLIT_SEED, stratify=bunch.target
    )
    rows = np.sort(train if split == "train" else test)
    return from_array("digits", split, np.ascontiguousarray(images[rows]), bunch.target[rows].astype(np.int64), 10)
