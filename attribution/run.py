"""Attribution as the command runs it: computes the maps that are missing, then writes tables, numbers and figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from robustsweep.attribution.catalogue import MAPS
from robustsweep.attribution.measure import Measuring, measure_map, predictions, shown_windows
from robustsweep.attribution.request import Attribution
from robustsweep.attribution.thumbnails import image_pictures
from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.data import Dataset
from robustsweep.benchmark.data.dataset import stratified_positions
from robustsweep.benchmark.plan.blocks import Block
from robustsweep.benchmark.plan.conditions import Windowed
from robustsweep.benchmark.sweep.progress import Progress, Silent
from robustsweep.benchmark.sweep.window_block import windowed_images
from robustsweep.errors import CheckpointError, DataError, RobustsweepError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.results.report.attribution.map_arrays import MOST_SHOWN, MappedImages, StoredMap
from robustsweep.results.report.attribution.stored_maps import MapFiles
from robustsweep.results.report.attribution.written_maps import write_maps
from robustsweep.results.tables.window_tables import WINDOWS


@dataclass(frozen=True, slots=True)
class AttributionSummary:
    """What was done.

    Attributes:
        computed: Maps, one per checkpoint and kind, that were computed now.
        reused: Maps that were stored already.
        files: What was written for people.
    """

    computed: int
    reused: int
    files: tuple[Path, ...]


def run_attribution(wanted: Attribution, progress: Progress | None = None) -> AttributionSummary:
    """Compute the maps that the folder lacks and write its tables, numbers and figures.

    Interrupt it at any time: run it again to continue after the last finished map.

    Args:
        wanted: What is asked for.
        progress: Receives events.

    Raises:
        DataError: If images cannot be read, or the folder holds maps of others.
        UsageError: If a network cannot have one of the maps; nothing is computed then.
        CheckpointError: If a network fails.
    """
    computed, reused = compute_maps(wanted, progress)
    found = MapFiles(wanted.out).read()
    assert found is not None, "a map is stored by now"
    return AttributionSummary(computed, reused, write_maps(wanted.out, found))


def compute_maps(wanted: Attribution, progress: Progress | None = None) -> tuple[int, int]:
    """Compute the maps that the folder lacks, for a report to show; nothing else is written.

    Args:
        wanted: What is asked for.
        progress: Receives events.

    Returns:
        How many maps were computed, and how many were stored already.

    Raises:
        RobustsweepError: As ``run_attribution``.
    """
    measuring = _measuring(wanted, progress or Silent())
    files, images = MapFiles(wanted.out), _images(wanted, measuring)
    stored = files.images()
    if stored is not None and (stored.about != images.about or not np.array_equal(stored.ids, images.ids)):
        raise DataError(
            f"{wanted.out} holds maps of other images, or of another target or seed; give another folder with --out."
        )
    missing = [
        (checkpoint, name)
        for checkpoint in wanted.checkpoints
        for name in wanted.maps
        if not _is_stored(files.map(checkpoint.id, name, images), windows=name in wanted.window_maps)
    ]
    _look_first(missing, measuring)
    files.write_images(images)
    _compute(missing, wanted, measuring, files, images)
    return len(missing), len(wanted.checkpoints) * len(wanted.maps) - len(missing)


def _is_stored(found: StoredMap | None, *, windows: bool) -> bool:
    return found is not None and (bool(len(found.windows)) or not windows)


def _measuring(wanted: Attribution, progress: Progress) -> Measuring:
    source = wanted.source
    block = Block.of(source, 0, source.positions, wanted.device)
    shown = stratified_positions(source.labels, source.ids, min(MOST_SHOWN, len(source.ids)), seed=0)
    return Measuring(block, _boxes(wanted), shown, wanted.batch_size, progress)


def _boxes(wanted: Attribution) -> Tensor:
    """Fill the boxes of the images' objects: bool (n, H, W); nothing if there is no box."""
    data, positions = wanted.source.data, wanted.source.positions
    assert isinstance(data, Dataset), "a plan holds clean images"
    height, width = data.size
    inside = torch.zeros((len(positions), height, width), dtype=torch.bool)
    boxes = data.object_boxes() if data.paths else {}
    for row, position in enumerate(positions.tolist()):
        if data.paths and (box := boxes.get(data.paths[position])):
            left, top, right, bottom = box
            if right >= width or bottom >= height:
                raise DataError(f"The box {box} of {data.paths[position]} leaves its image of {width}x{height} pixels.")
            inside[row, top : bottom + 1, left : right + 1] = True
    return inside.to(wanted.device)


def _images(wanted: Attribution, measuring: Measuring) -> MappedImages:
    source, block = wanted.source, measuring.block
    about = {
        "data": source.data.name,
        "fingerprint": source.data.fingerprint,
        "images_key": source.images_key,
        "n_total": len(source.data.labels),
        "seed": source.seed,
        "target": wanted.target,
    }
    pictures = image_pictures(block.clean[measuring.shown])
    pasted = [
        image_pictures(windowed_images(Windowed(edge, filling, fraction), block)[measuring.shown])
        for filling, fraction, edge in (WINDOWS[place] for place in shown_windows(measuring.fitting_windows()))
    ]
    stacked = np.stack(pasted) if pasted else np.empty((0, *pictures.shape), np.uint8)
    return MappedImages(about, source.ids, source.labels, measuring.shown, pictures, stacked)


@contextmanager
def _naming(checkpoint: Checkpoint) -> Iterator[None]:
    """Name the checkpoint in whatever goes wrong with its network, which may be anybody's code."""
    try:
        with foreign_code():
            yield
    except RobustsweepError as error:
        raise type(error)(f"{checkpoint.name}: {error}") from error
    except Exception as error:
        raise CheckpointError(f"{checkpoint.name} cannot be attributed ({described(error)}).") from error


def _look_first(missing: list[tuple[Checkpoint, str]], measuring: Measuring) -> None:
    """Try every missing map on one image: a network that cannot have one is found before hours have passed."""
    one, device = slice(0, 1), measuring.block.ids.device
    for checkpoint, names in _by_checkpoint(missing):
        with _naming(checkpoint):
            network, block = checkpoint.load().to(device), measuring.block
            first = block.clean[one].float() / 255
            for name in names:
                MAPS[name].compute(network, first, torch.zeros_like(block.labels[one]), 0, block.ids[one])


def _by_checkpoint(missing: list[tuple[Checkpoint, str]]) -> Iterator[tuple[Checkpoint, list[str]]]:
    for checkpoint in {checkpoint.id: checkpoint for checkpoint, _ in missing}.values():
        yield checkpoint, [name for one, name in missing if one.id == checkpoint.id]


def _compute(
    missing: list[tuple[Checkpoint, str]],
    wanted: Attribution,
    measuring: Measuring,
    files: MapFiles,
    images: MappedImages,
) -> None:
    n, fits = len(images.ids), len(measuring.fitting_windows())
    passes = sum(MAPS[name].passes * (1 + fits * (name in wanted.window_maps)) for _, name in missing)
    if missing:
        measuring.progress.begin(len(missing), passes * n)
    for checkpoint, names in _by_checkpoint(missing):
        with _naming(checkpoint):
            network: nn.Module = checkpoint.load().to(measuring.block.ids.device)
            predicted = predictions(network, measuring)
        targets = predicted if wanted.target == "predicted" else measuring.block.labels
        for name in names:
            measuring.progress.working_on(checkpoint.name, name)
            with _naming(checkpoint):
                found = measure_map(network, name, targets, measuring, windows=name in wanted.window_maps)
            about = {"id": checkpoint.id, "name": checkpoint.name, "card": checkpoint.card.to_dict()}
            files.write_map(about, name, images, replace(found, predicted=predicted.cpu().numpy()))
            measuring.progress.advance(1, 0)
