"""Bootstrap of source images: one set of image weights for every cell, checkpoint and reference."""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from robustsweep.results.statistics.intervals import Floats

N_RESAMPLES = 2_000
_WEIGHTS_AT_ONCE = 8_000_000


def image_generator(seed: int, stream: str) -> np.random.Generator:
    """Return a counter-based generator of its own for a seed and a purpose; no global state is read or set."""
    key = hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def image_weights(n_images: int, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Iterator[Floats]:
    """Yield how often each image was drawn, in blocks of shape (resamples of the block, n_images).

    Every row sums to ``n_images``. The draws depend on the seed and the number of images alone, so that everything
    that is resampled with one seed is resampled together.
    """
    generator = image_generator(seed, "image-weights")
    at_once = max(1, _WEIGHTS_AT_ONCE // n_images)
    for start in range(0, n_resamples, at_once):
        rows = min(at_once, n_resamples - start)
        drawn = generator.integers(0, n_images, (rows, n_images))
        drawn += n_images * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n_images).reshape(rows, n_images).astype(np.float64)


def resample(
    scores: Floats, statistic: Callable[[Floats], Floats], *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Floats:
    """Compute a statistic of means over resampled images.

    Args:
        scores: Per image, shape (n, ...): all cells and checkpoints that are resampled together.
        statistic: From means, shape (resamples, ...), to shape (resamples, m).
        n_resamples: Number of resamples.
        seed: Seed of the images drawn.

    Returns:
        Shape (n_resamples, m).
    """
    n, shape = len(scores), scores.shape[1:]
    flat = scores.reshape(n, -1)
    blocks = [
        statistic((weights @ flat / n).reshape(-1, *shape))
        for weights in image_weights(n, n_resamples=n_resamples, seed=seed)
    ]
    return np.concatenate(blocks)


def mean_ratios(means: Floats) -> Floats:
    """Return the mean over corruptions of errors over a reference's errors (mCE, if the reference is measured).

    Args:
        means: Shape (..., corruptions, 1 + checkpoints); the reference is first of the last axis.

    Returns:
        Shape (..., checkpoints).
    """
    return np.asarray((means[..., 1:] / means[..., :1]).mean(axis=-2), dtype=np.float64)
