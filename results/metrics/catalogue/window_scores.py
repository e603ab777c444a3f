"""Scores of the window suite: accuracy under one window or a kind of window, and hard edges over soft ones."""

from dataclasses import replace

from robustsweep.results.corruption_names import EDGES, FRACTIONS
from robustsweep.results.metrics.scores import CellName, Quantity, Score, mean_score


def _window_conditions(edge: str, filling: str) -> list[str]:
    return [f"window-{edge}-{filling}@{fraction:g}" for fraction in FRACTIONS]


def window_score(edge: str, filling: str, quantity: Quantity = "accuracy") -> Score:
    """Build the mean over the fractions of what windows with one edge and filling do."""
    name = f"window_{edge}_{filling}_{quantity}"
    return mean_score(name, name, "window", _window_conditions(edge, filling), quantity)


def single_window_score(condition: str, quantity: Quantity) -> Score:
    """Build what one window does."""
    return mean_score(f"{condition}_{quantity}", condition, "window", [condition], quantity)


def hard_minus_soft(soft: str, filling: str, quantity: Quantity = "accuracy") -> Score:
    """Build the difference under a hard and a soft edge, both over the same places and patches.

    Each image contributes one number, its mean over the three fractions, so that its fractions, which are not
    independent, count as one observation.
    """
    names = [name for edge in (EDGES[0], soft) for name in _window_conditions(edge, filling)]
    cells: tuple[CellName, ...] = tuple((name, "") for name in names)
    share = 1 / len(FRACTIONS)
    weights = (share,) * len(FRACTIONS) + (-share,) * len(FRACTIONS)
    name = f"hard_minus_{soft}_{filling}"
    return Score(name, name, "window", cells, weights, quantity)


def hard_over_soft(soft: str, filling: str) -> Score:
    """Build the difference of errors under a hard and a soft edge, as a score of its own name."""
    title = f"hard over {soft} edge, {filling} filling"
    return replace(hard_minus_soft(soft, filling, "error"), name=f"hard_over_{soft}_{filling}", title=title)
