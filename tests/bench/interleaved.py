"""Timing two ways of doing the same work, in turn, so that a drifting machine drifts for both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times longer the peer took than ours: median, least and largest over the rounds."""

    median: float
    least: float
    largest: float

    def __str__(self) -> str:
        return f"{self.median:5.2f}x  ({self.least:.2f} to {self.largest:.2f})"


def interleaved(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> Ratio:
    """Time both once per round after one warm-up each; the order alternates."""
    ours()
    peer()
    ratios = []
    for number in range(rounds):
        seconds = {}
        for name, call in (("ours", ours), ("peer", peer)) if number % 2 else (("peer", peer), ("ours", ours)):
            begun = time.perf_counter()
            call()
            seconds[name] = time.perf_counter() - begun
        ratios.append(seconds["peer"] / seconds["ours"])
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))
