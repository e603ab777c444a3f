"""Accuracy under attack, from exact counts."""

from collections.abc import Sequence

from robustsweep.errors import DataError


def robust_accuracy(n_robust: float, n: int) -> float:
    """Return the fraction of images still right under the attack; images wrong before it count as not robust.

    Args:
        n_robust: Images still right, or the mean of that over training seeds.
        n: Images.
    """
    return n_robust / n


def median_fooling_eps(n: int, n_clean_right: int, n_robust: Sequence[int], eps: Sequence[str]) -> str:
    """Return the smallest eps that fools at least half of the images: the lower median of their fooling eps.

    An image that is wrong before the attack counts with eps 0. The result is one of the measured eps, so the true
    median lies between it and the eps before it.

    Args:
        n: Images.
        n_clean_right: Images right before the attack.
        n_robust: Images still right at each eps.
        eps: The eps as exact strings, ascending.

    Returns:
        ``"0"``, one of ``eps``, or ``"> "`` and the largest if more than half hold out.

    Raises:
        DataError: If the counts are not those of one ascending ladder.
    """
    counts = (n, n_clean_right, *n_robust)
    if len(n_robust) != len(eps) or not eps or any(a < b for a, b in zip(counts, counts[1:], strict=False)):
        raise DataError(f"A ladder's counts fall from eps to eps, one per eps; got {counts} for the eps {list(eps)}.")
    for text, n_right in zip(("0", *eps), (n_clean_right, *n_robust), strict=True):
        if 2 * n_right <= n:
            return text
    return f"> {eps[-1]}"
