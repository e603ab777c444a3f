"""One checkpoint's maps of one kind, measured on all images and under all windows."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from robustsweep.attacks.target import Target
from robustsweep.attribution.catalogue import MAPS, saliency
from robustsweep.attribution.deletion_curves import deletion_and_insertion
from robustsweep.attribution.explained import explaining
from robustsweep.attribution.thumbnails import heat_pictures
from robustsweep.attribution.window_regions import area_of, rank_correlation, share_in, window_regions
from robustsweep.benchmark.plan.blocks import Block
from robustsweep.benchmark.plan.conditions import Windowed
from robustsweep.benchmark.sweep.evaluation import to_unit_range
from robustsweep.benchmark.sweep.progress import Progress
from robustsweep.benchmark.sweep.window_block import windowed_images
from robustsweep.corruptions.edges import EDGES, side_in_pixels
from robustsweep.corruptions.windows import SMALLEST_BOX, window_places
from robustsweep.results.report.attribution.map_arrays import CLEAN_SCORES, WINDOW_SCORES, StoredMap
from robustsweep.results.stored.cells import Array
from robustsweep.results.tables.window_tables import WINDOWS

SHOWN_FRACTION = 0.5
"""Of the windows that are kept as pictures."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How maps are measured.

    Attributes:
        block: The images.
        boxes: bool (n, H, W): inside the labelled object's box; nowhere for an image without a box.
        shown: int64 (k,): rows that are kept as pictures.
        batch_size: Images per forward pass.
        progress: Receives events.
    """

    block: Block
    boxes: Tensor
    shown: Array
    batch_size: int
    progress: Progress

    def fitting_windows(self) -> list[int]:
        """List the places in ``WINDOWS`` of the windows that can be pasted into these images."""
        data = self.block.source.data
        return [
            place
            for place, (filling, fraction, _) in enumerate(WINDOWS)
            if side_in_pixels(min(data.size), fraction) >= SMALLEST_BOX and (filling != "image" or len(data.labels) > 1)
        ]


def shown_windows(fitting: list[int]) -> list[int]:
    """Choose the windows that are kept as pictures: one filling at half the side with every edge, if it fits."""
    for filling in ("image", "noise"):
        places = [WINDOWS.index((filling, SHOWN_FRACTION, edge)) for edge in EDGES]
        if set(places) <= set(fitting):
            return places
    return []


def measure_map(network: nn.Module, name: str, targets: Tensor, measuring: Measuring, *, windows: bool) -> StoredMap:
    """Measure the maps of one kind.

    Args:
        network: From images in [0, 1] to logits, on the block's device.
        name: The kind of map.
        targets: int64 (n,): the classes to explain.
        measuring: The images, and how.
        windows: Whether the map is measured under windows too.

    Returns:
        The numbers; ``predicted`` is for the caller to fill in and holds the targets.
    """
    block = measuring.block
    clean = _saliency(network, name, block.clean, targets, measuring)
    scores = _clean_scores(network, name, clean, targets, measuring)
    measuring.progress.advance(0, MAPS[name].passes * len(targets))
    fitting = measuring.fitting_windows() if windows else []
    n_windows = len(WINDOWS) if windows else 0
    found = np.full((n_windows, len(targets), len(WINDOW_SCORES)), np.nan)
    kept = {}
    for place in fitting:
        filling, fraction, edge = WINDOWS[place]
        images = windowed_images(Windowed(edge, filling, fraction), block)
        patched = _saliency(network, name, images, targets, measuring)
        found[place] = _window_scores(clean, patched, filling, fraction, block).cpu().numpy()
        kept[place] = patched[measuring.shown]
        measuring.progress.advance(0, MAPS[name].passes * len(targets))
    pasted = [heat_pictures(kept[place]) for place in shown_windows(fitting)]
    pictures = heat_pictures(clean[measuring.shown])
    explained = targets.cpu().numpy()
    stacked = np.stack(pasted) if pasted else np.empty((0, *pictures.shape), np.uint8)
    return StoredMap(explained, explained, scores, found, pictures, stacked)


def predictions(network: nn.Module, measuring: Measuring) -> Tensor:
    """Return what a network predicts for the clean images: int64 (n,)."""
    block, step = measuring.block, measuring.batch_size
    with explaining(network, _unit(block.clean[:1], block), block.labels[:1], "attribute") as explained:
        parts = [
            explained.verdict(_unit(block.clean[k : k + step], block)).argmax(1) for k in range(0, len(block.ids), step)
        ]
    return torch.cat(parts)


def _unit(images: Tensor, block: Block) -> Tensor:
    return to_unit_range(images, block.ids.device)


def _saliency(network: nn.Module, name: str, images: Tensor, targets: Tensor, measuring: Measuring) -> Tensor:
    block, found = measuring.block, []
    for start in range(0, len(targets), measuring.batch_size):
        rows = slice(start, start + measuring.batch_size)
        shown = _unit(images[rows], block)
        maps = MAPS[name].compute(network, shown, targets[rows], block.source.seed, block.ids[rows])
        found.append(saliency(maps, block.source.data.size))
    return torch.cat(found)


def _clean_scores(network: nn.Module, name: str, clean: Tensor, targets: Tensor, measuring: Measuring) -> Array:
    block, boxes = measuring.block, measuring.boxes
    found = torch.full((len(targets), len(CLEAN_SCORES)), torch.nan, dtype=torch.float64, device=clean.device)
    for start in range(0, len(targets), measuring.batch_size):
        rows = slice(start, start + measuring.batch_size)
        shown = _unit(block.clean[rows], block)
        with explaining(network, shown, targets[rows], name) as explained:
            found[rows, :2] = _curves(explained, shown, targets[rows], clean[rows], block, rows)
    has_box = boxes.flatten(1).any(1)
    share, area = share_in(clean, boxes), area_of(boxes)
    found[:, 2:] = torch.where(has_box.unsqueeze(1), torch.stack([share, area], dim=1), torch.nan)
    result: Array = found.cpu().numpy()
    return result


def _curves(explained: Target, shown: Tensor, targets: Tensor, clean: Tensor, block: Block, rows: slice) -> Tensor:
    curves = deletion_and_insertion(explained, shown, targets, clean, seed=block.source.seed, ids=block.ids[rows])
    return torch.stack(curves, dim=1)


def _window_scores(clean: Tensor, patched: Tensor, filling: str, fraction: float, block: Block) -> Tensor:
    """Return shares beyond the area in box and band, and the correlation outside: float64 (n, 3)."""
    height, width = block.source.data.size
    places = window_places(filling, fraction, seed=block.source.seed, ids=block.ids, height=height, width=width)
    regions = window_regions(places, height, width, fraction)
    shares = [share_in(patched, one) - area_of(one) for one in (regions.window, regions.edge_band)]
    return torch.stack([*shares, rank_correlation(clean, patched, regions.outside)], dim=1)
