"""Two images of a sweep, kept as its networks saw them: clean, and under every corruption."""

import numpy as np
from PIL import Image
from torch import Tensor

from robustsweep.benchmark.data.dataset import stratified_positions
from robustsweep.benchmark.plan.blocks import IMAGES_PER_BLOCK, Block
from robustsweep.benchmark.plan.plan import PlannedCell
from robustsweep.results.stored.cells import Array, setting_of
from robustsweep.results.stored.sample_images import N_SAMPLES, SAMPLE_SIDE, SampleFiles, Samples

_KINDS = ("clean", "corruption", "shift")


def keep_samples(files: SampleFiles, cell: PlannedCell, images: Tensor, block: Block) -> None:
    """Store two of the images of a cell that is clean, a corruption or a natural shift, unless they are there.

    Which two depends on the images of the sweep alone, so that every process, condition and run keeps the same: the two
    of different classes, if there are such, with the smallest hash of their id among the first 2 048 images, which
    are in the first block however large the blocks are.

    Args:
        files: Where they go.
        cell: What is measured.
        images: uint8, shape (n, 3, H, W), the images of the block as they are shown, on any device.
        block: The first block; others hold none of the two.

    Raises:
        OSError: If a file cannot be written.
    """
    if block.index or cell.condition.kind not in _KINDS:
        return
    setting = setting_of(cell.identity)
    if files.has(setting):
        return
    data, first = block.source.data, block.positions[:IMAGES_PER_BLOCK]
    rows = stratified_positions(data.labels[first], data.ids[first], N_SAMPLES, seed=0)
    files.write(setting, Samples(data.ids[first[rows]], np.stack([_picture(images[row]) for row in rows.tolist()])))


def _picture(image: Tensor) -> Array:
    """Return an image as uint8 (H, W, 3), no side above 96 pixels."""
    picture = Image.fromarray(image.permute(1, 2, 0).cpu().contiguous().numpy())
    picture.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE))
    return np.asarray(picture)
