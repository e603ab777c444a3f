"""Timing two ways of doing the same work, in turn, so that a drifting machine drifts for both."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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


def seconds_of(call: Callable[[], object]) -> float:
    """Time one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


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
    return Ratio.of(alternating(lambda: seconds_of(ours), lambda: seconds_of(peer), rounds))
