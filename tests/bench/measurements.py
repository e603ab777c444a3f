"""What one cell of the corruption benchmark measured, and how cells are summed up and printed."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interleaved import Ratio

# Their ratios flatter: a pure Python loop, and a texture file that is read for each image.
FLATTERING = ("glass_blur", "frost")
# Images per condition in ImageNet-C.
IMAGENET_VALIDATION = 50_000
# The largest ratio of a cell over its least, in the median, from which on the machine was too busy to measure.
BUSY = 1.5


@dataclass(frozen=True, slots=True)
class Measurement:
    """One corruption at one severity and size.

    Attributes:
        corruption: Its name.
        severity: 1 to 5.
        side: Side of the images in pixels.
        device: Type of the device that ours ran on.
        ours: Our seconds per image in each round.
        peer: The peer's in the same rounds; empty where no peer ran.
        floor: Lower bound in seconds per image.
    """

    corruption: str
    severity: int
    side: int
    device: str
    ours: tuple[float, ...]
    peer: tuple[float, ...]
    floor: float

    @property
    def name(self) -> str:
        """The condition's name."""
        return f"{self.corruption}@{self.severity}"

    @property
    def ratio(self) -> Ratio:
        """The peer's time over ours."""
        return Ratio.of(list(zip(self.ours, self.peer, strict=True)))

    @property
    def seconds(self) -> float:
        """Our median seconds per image."""
        return statistics.median(self.ours)

    def line(self) -> str:
        """Format as a row of the table, in images per second."""
        row = f"{self.name:22} {1 / self.seconds:12,.0f} {1 / self.floor:12,.0f} {self.seconds / self.floor:9.1f}"
        return f"{row} {1 / statistics.median(self.peer):11,.1f}  {self.ratio}" if self.peer else row


HEADING = f"{'':22} {'ours, im/s':>12} {'floor, im/s':>12} {'x floor':>9}"
PEER_HEADING = f"{HEADING} {'peer, im/s':>11}  ratio (least to largest)"


def summary(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Yield the lines below a size's table: geometric means and the lowest ratios."""
    honest = [each for each in measurements if each.corruption not in FLATTERING]
    for label, chosen in (("all", measurements), ("without " + " and ".join(FLATTERING), honest)):
        if chosen:
            ratio = statistics.geometric_mean(each.ratio.median for each in chosen)
            yield f"geometric mean, {label}: {ratio:.1f}x over {len(chosen)} cells"
    lowest = sorted(measurements, key=lambda each: each.ratio.median)[:5]
    yield "lowest cells: " + ", ".join(f"{each.name} {each.ratio.median:.2f}x" for each in lowest)
    by_corruption = {name: _mean_of(measurements, name) for name in {each.corruption: None for each in measurements}}
    worst = sorted(by_corruption.items(), key=lambda item: item[1])[:5]
    yield "worst corruptions: " + ", ".join(f"{name} {ratio:.2f}x" for name, ratio in worst)
    spread = statistics.median(each.ratio.largest / each.ratio.least for each in measurements)
    busy = "; the machine was busy: do not quote these numbers" if spread > BUSY else ""
    yield f"spread of a cell's ratios, largest over least: {spread:.2f} (median){busy}"


def projection(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Yield how long all images of ImageNet-C would take at the measured rates, none of them read or written."""
    if measurements[0].side != 224:
        return
    hours = {each.name: each.seconds * IMAGENET_VALIDATION / 3600 for each in measurements}
    jpeg = sum(hours[each.name] for each in measurements if each.corruption == "jpeg_compression")
    total, count = sum(hours.values()), len(hours)
    yield f"{count} conditions of {IMAGENET_VALIDATION:,} images, in memory: {total:.2f} h, JPEG {jpeg:.2f} h of it"


def _mean_of(measurements: Iterable[Measurement], corruption: str) -> float:
    return statistics.geometric_mean(each.ratio.median for each in measurements if each.corruption == corruption)
