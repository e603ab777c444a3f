"""One checkpoint against another on the same images: differences within each image."""

import numpy as np

from robustsweep.errors import DataError
from robustsweep.results.statistics.intervals import Estimate, Floats, Ids, clustered_mean, sum_by_image
from robustsweep.results.statistics.resampling import image_generator

FEW_IMAGES = 500
"""Below this many images one-sided p values come from flipped signs and not from the t distribution."""

N_FLIPS = 9_999
_FLIPS_AT_ONCE = 1_000
_FLIPS_PER_TEST = 200


def paired_difference(first: Floats, second: Floats, ids: Ids | None = None) -> Estimate:
    """Estimate the mean of ``first - second``, paired and clustered by source image.

    Any weighted mean of errors with constant weights (mean corruption error, one corruption, mCE with published
    denominators) is a mean over images of one score each, so its difference is a mean of paired differences and its
    standard error ``sd / sqrt(n)``.

    Args:
        first: Score of each image, shape (n,).
        second: The other checkpoint's, on the same images in the same order.
        ids: As in ``clustered_mean``.

    Raises:
        DataError: If the shapes differ, or as ``clustered_mean``.
    """
    if first.shape != second.shape:
        raise DataError(
            f"Paired scores need the same images; got {first.shape} and {second.shape}. Sweep both on the same data."
        )
    return clustered_mean(first - second, ids)


def p_of_sign_flips(differences: Floats, ids: Ids | None = None, *, seed: int = 0, n_flips: int = N_FLIPS) -> float:
    """Return the one-sided p value of "the mean is not above zero" by flipping the signs of whole images.

    Args:
        differences: Paired differences, shape (n,).
        ids: Source image of each row; None: every row is another image.
        seed: Seed of the flips.
        n_flips: Number of random flips; the observed signs are one more, so that p is at least 1 / (n_flips + 1).
    """
    if ids is not None:
        differences = sum_by_image(differences, ids)
    generator = image_generator(seed, "sign-flips")
    # Sums of flipped differences that equal the observed one up to rounding count as equal.
    reached = differences.sum() - 1e-9 * np.abs(differences).sum()
    n_reached, left = 1, n_flips
    while left:
        rows = min(left, _FLIPS_AT_ONCE)
        signs = 2.0 * generator.integers(0, 2, (rows, len(differences)), dtype=np.int8) - 1
        n_reached += int((signs @ differences >= reached).sum())
        left -= rows
    return n_reached / (n_flips + 1)


def p_worse(differences: Floats, estimate: Estimate, ids: Ids | None = None, *, family_size: int = 1) -> float:
    """Return the one-sided p value of "not worse" for differences whose positive values are worse.

    Of few images (``FEW_IMAGES``) it comes from sign flips, else from the clustered t of ``estimate``. There are enough
    flips for the smallest p value to survive ``family_size`` tests.
    """
    if estimate.n_images < FEW_IMAGES:
        return p_of_sign_flips(differences, ids, n_flips=max(N_FLIPS, _FLIPS_PER_TEST * family_size))
    return estimate.p_above_zero()
