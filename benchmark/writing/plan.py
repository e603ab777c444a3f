"""Plans for writing: which images, under which conditions, in which layout."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from robustsweep import __version__
from robustsweep.benchmark.data import Dataset, OfficialSet, Photos, open_data
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.fit import table_notes
from robustsweep.benchmark.plan.plan import PROTOCOL_VERSION
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import FINAL_JPEG_QUALITY, conditions_of
from robustsweep.benchmark.writing.layouts import ARRAY_SIDE, LAYOUTS, ArrayFiles, Layout, PhotoFiles, TreeFiles
from robustsweep.corruptions import SEVERITIES
from robustsweep.corruptions.generation import SMALLEST_SIDE
from robustsweep.errors import DataError, UsageError
from robustsweep.printable import listed
from robustsweep.registry import unknown_name
from robustsweep.results.stored.cells import Json
from robustsweep.values import Many, Seed, Workers, typed


@dataclass(frozen=True)
class Writing:
    """Corrupted images that are to be written.

    Attributes:
        source: The clean images, and the seed.
        conditions: Each once, all with one severity table and one JPEG quality or none.
        layout: How they lie on disk.
        notes: Sentences that the user should know.
    """

    source: Source
    conditions: tuple[Corrupted, ...]
    layout: Layout
    notes: tuple[str, ...] = ()

    def made_with(self) -> Json:
        """Return what all files of a folder have in common and what decides their pixels."""
        data = self.source.describe()
        return {
            "robustsweep": __version__,
            "protocol": PROTOCOL_VERSION,
            "layout": self.layout.name,
            "seed": self.source.seed,
            "table": self.conditions[0].table,
            "jpeg_quality": self.conditions[0].jpeg_quality,
            "data": {name: data[name] for name in data if name not in ("provenance", "notes")},
        }

    def libraries(self) -> dict[str, Json]:
        """Return the versions of the libraries that can change a condition's pixels, by the condition's name."""
        return {c.name: self.source.identity(c)["condition"]["libraries"] for c in self.conditions}


def plan_writing(
    data: str,
    suites: Sequence[str],
    *,
    layout: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    workers: int = 4,
    final_jpeg: bool = True,
) -> Writing:
    """Open the data and list what is to be written.

    Args:
        data: Data spec of clean images.
        suites: Suites or single conditions, corruptions alone.
        layout: ``"arrays"`` or ``"trees"``; None: arrays if the images are 32x32, else trees. Photos have one of
            their own.
        limit: Number of images, stratified by class; None: all.
        seed: Seed of the corruptions and of the subset.
        workers: Threads that decode and encode image files.
        final_jpeg: Whether ``imagenet-c`` images in arrays go through JPEG quality 85. Files of a tree always do.

    Raises:
        RobustsweepError: If what is asked for cannot be had or does not fit together.
    """
    typed(workers, Workers, "workers")
    typed(seed, Seed, "seed")
    typed(limit, Many | None, "limit")
    if layout is not None and layout not in LAYOUTS:
        raise unknown_name("layout", layout, list(LAYOUTS))
    wanted = _corruptions(suites)
    opened = open_data(data, workers=workers, photos=True)
    if isinstance(opened, OfficialSet):
        raise UsageError(f"{opened.name} is corrupted already; name clean images, such as cifar10:DIR.")
    _check_size(opened)
    source = Source.choose(opened, limit=limit, seed=seed)
    chosen = _layout_name(opened, layout)
    in_trees = chosen == "trees"
    if in_trees and not final_jpeg:
        raise UsageError("The files of a tree are JPEG, so there is no tree without the final JPEG; use arrays.")
    notes: tuple[str, ...] = ()
    if in_trees and any(condition.jpeg_quality is None for condition in wanted):
        notes = (
            f"the files of a tree are JPEG of quality {FINAL_JPEG_QUALITY}, also of conditions that a sweep would "
            "generate without a final JPEG; to compare with such a sweep, use the imagenet-c suites.",
        )
    quality = FINAL_JPEG_QUALITY if in_trees else None
    wanted = [replace(c, jpeg_quality=(c.jpeg_quality or quality) if final_jpeg else None) for c in wanted]
    conditions = _concrete(source, wanted)
    if isinstance(opened, Photos):
        return Writing(source, conditions, _photos(source, opened, conditions, workers), _notes_on_sizes(conditions))
    files = _tree(source, opened, workers) if in_trees else _arrays(source, conditions)
    return Writing(source, conditions, files, (*notes, *table_notes(opened.size, conditions)))


def _layout_name(data: Dataset, asked: str | None) -> str:
    if not isinstance(data, Photos):
        return asked or ("arrays" if data.size == (ARRAY_SIDE, ARRAY_SIDE) else "trees")
    if asked is not None:
        raise UsageError(f"Photos have a layout of their own, CORRUPTION/SEVERITY/PATH; leave out --layout {asked}.")
    return "photos"


def _corruptions(suites: Sequence[str]) -> list[Corrupted]:
    if not suites:
        raise UsageError("Name what to generate with --suite, such as cifar-c, imagenet-c or fog@3.")
    conditions = conditions_of(suites)
    others = [condition.name for condition in conditions if not isinstance(condition, Corrupted)]
    if others:
        raise UsageError(
            f"Only corruptions can be written, got {listed(others)}; name suites such as cifar-c or conditions such as "
            "fog@3."
        )
    return [condition for condition in conditions if isinstance(condition, Corrupted)]


def _check_size(data: Dataset) -> None:
    if isinstance(data, Photos) and (small := [k for k, size in enumerate(data.sizes) if min(size) < SMALLEST_SIDE]):
        (height, width), paths = data.sizes[small[0]], data.paths or ()
        raise DataError(
            f"Corruptions need at least {SMALLEST_SIDE} pixels on each side, {paths[small[0]]} has {width}x{height} "
            f"({len(small)} of {len(data)} photos are too small); remove them, or add resize= to the data spec."
        )
    if min(data.size) < SMALLEST_SIDE:
        raise DataError(
            f"Corruptions need at least {SMALLEST_SIDE} pixels on each side, {data.name} has "
            f"{data.size[1]}x{data.size[0]}; add resize= to the data spec."
        )


def _concrete(source: Source, wanted: list[Corrupted]) -> tuple[Corrupted, ...]:
    """Fill in the severity tables, and check that there is one."""
    concrete = [c for c in map(source.concrete, wanted) if isinstance(c, Corrupted)]
    conditions = tuple(dict.fromkeys(concrete))
    first = conditions[0]
    for condition in conditions:
        if (condition.table, condition.jpeg_quality) != (first.table, first.jpeg_quality):
            raise UsageError(
                f"One folder holds one severity table and one final JPEG: {first.name} has {_kind(first)}, "
                f"{condition.name} has {_kind(condition)}; write them to two folders."
            )
    return conditions


def _kind(condition: Corrupted) -> str:
    jpeg = f"JPEG quality {condition.jpeg_quality}" if condition.jpeg_quality else "no final JPEG"
    return f"{condition.table or 'each image size its'} severities and {jpeg}"


def _arrays(source: Source, conditions: tuple[Corrupted, ...]) -> ArrayFiles:
    height, width = source.data.size
    if (height, width) != (ARRAY_SIDE, ARRAY_SIDE):
        raise UsageError(
            f"Arrays hold images of {ARRAY_SIDE}x{ARRAY_SIDE} pixels, {source.data.name} has {width}x{height}; "
            "use trees."
        )
    present = {condition.name for condition in conditions}
    for condition in conditions:
        missing = sorted({f"{condition.corruption}@{severity}" for severity in SEVERITIES} - present)
        if missing:
            advice = " ".join(f"--suite {name}" for name in missing)
            raise UsageError(
                f"An array holds all five severities of a corruption, and {condition.corruption} was asked for without "
                f"some; add {advice}, or name a suite."
            )
    return ArrayFiles(source.labels, source.data.classes)


def _photos(source: Source, data: Photos, conditions: tuple[Corrupted, ...], workers: int) -> PhotoFiles:
    paths = data.paths or ()
    in_jpeg = conditions[0].jpeg_quality is not None
    return PhotoFiles([paths[position] for position in source.positions], workers, in_jpeg=in_jpeg)


def _notes_on_sizes(conditions: tuple[Corrupted, ...]) -> tuple[str, ...]:
    table = conditions[0].table
    if table is None:
        return ()
    return (
        f"all photos get the {table} severities, whatever their sizes; corruptions named one by one, such as fog or "
        "fog@3, take those nearest to the shorter side of each photo.",
    )


def _tree(source: Source, data: Dataset, workers: int) -> TreeFiles:
    if data.paths is None:
        raise UsageError(f"{data.name} has no files CLASS/FILE, which name the files of a tree; use arrays.")
    return TreeFiles([data.paths[position] for position in source.positions], workers)
