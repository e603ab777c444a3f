"""What one cell of the corruption benchmark measured, and how cells are summed up and printed."""

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interleaved import Ratio

# Their ratios flatter: a pure Python loop, and a texture file that is read for each image.
FLATTERING = ("glass_blur", "frost")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One corruption at one severity and size.

    Attributes:
        corruption: Its name.
        severity: 1 to 5.
        side: Side of the images in pixels.
        rounds: Seconds per image (ours, peer's) of each round; the peer's are NaN where no peer ran.
        floor: Lower bound in seconds per image.
    """

    corruption: str
    severity: int
    side: int
    rounds: tuple[tuple[float, float], ...]
    floor: float

    @property
    def name(self) -> str:
        """The condition's name."""
        return f"{self.corruption}@{self.severity}"

    @property
    def ratio(self) -> Ratio:
        """The peer's time over ours."""
        return Ratio.of(self.rounds)

    @property
    def seconds(self) -> float:
        """Our median seconds per image."""
        return statistics.median(ours for ours, _ in self.rounds)

    @property
    def has_peer(self) -> bool:
        """Whether the peer was measured too."""
        return not math.isnan(self.rounds[0][1])

    def line(self) -> str:
        """Format as a row of the table, in images per second."""
        row = f"{self.name:22} {1 / self.seconds:12,.0f} {1 / self.floor:12,.0f} {self.seconds / self.floor:9.1f}"
        if not self.has_peer:
            return row
        peer = statistics.median(seconds for _, seconds in self.rounds)
        return f"{row} {1 / peer:11,.1f}  {self.ratio}"


HEADING = f"{'':22} {'ours, im/s':>12} {'floor, im/s':>12} {'of floor':>9}"
PEER_HEADING = f"{HEADING} {'peer, im/s':>11}  ratio (least to largest)"


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return statistics.geometric_mean(values)


def summary(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Yield the lines below a size's table: geometric means and the lowest ratios."""
    honest = [each for each in measurements if each.corruption not in FLATTERING]
    for label, chosen in (("all", measurements), ("without " + " and ".join(FLATTERING), honest)):
        if chosen:
            ratio = geometric_mean(each.ratio.median for each in chosen)
            yield f"geometric mean, {label}: {ratio:.1f}x over {len(chosen)} cells"
    lowest = sorted(measurements, key=lambda each: each.ratio.median)[:5]
    yield "lowest cells: " + ", ".join(f"{each.name} {each.ratio.median:.2f}x" for each in lowest)
    by_corruption = {name: _mean_of(measurements, name) for name in {each.corruption: None for each in measurements}}
    worst = sorted(by_corruption.items(), key=lambda item: item[1])[:5]
    yield "worst corruptions: " + ", ".join(f"{name} {ratio:.2f}x" for name, ratio in worst)


def _mean_of(measurements: Iterable[Measurement], corruption: str) -> float:
    return geometric_mean(each.ratio.median for each in measurements if each.corruption == corruption)
