"""Timing two ways of doing the same work, in turn, so that a drifting machine drifts for both."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clocks import wall_seconds


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times longer the peer took than ours: median, least and largest over the rounds."""

    median: float
    least: float
    largest: float

    def __str__(self) -> str:
        return f"{self.median:5.2f}x  ({self.least:.2f} to {self.largest:.2f})"

    @classmethod
    def of(cls, rounds: Sequence[tuple[float, float]]) -> "Ratio":
        """Summarise rounds of (our seconds, the peer's seconds) for the same work."""
        ratios = [peer / ours for ours, peer in rounds]
        return cls(statistics.median(ratios), min(ratios), max(ratios))


def alternating(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> list[tuple[float, float]]:
    """Take both sides' seconds once per round, the order alternating; return them as (ours, peer)."""
    taken = []
    for number in range(rounds):
        if number % 2:
            first = ours()
            taken.append((first, peer()))
        else:
            first = peer()
            taken.append((ours(), first))
    return taken


def interleaved(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> Ratio:
    """Time both once per round after one warm-up each; the order alternates."""
    ours()
    peer()
    return Ratio.of(alternating(lambda: wall_seconds(ours), lambda: wall_seconds(peer), rounds))
