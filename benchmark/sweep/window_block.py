"""From a window condition and a block of clean images to images with a patch in them."""

import torch
from torch import Tensor

from robustsweep.benchmark.plan.blocks import IMAGES_PER_BLOCK, Block
from robustsweep.benchmark.plan.conditions import Windowed
from robustsweep.corruptions.windows import draw_partners, paste_windows


def windowed_images(condition: Windowed, block: Block) -> Tensor:
    """Paste a window into every image of a block, whose partners are drawn from the whole split.

    Args:
        condition: Which window.
        block: The images; their positions count in the data set's own order, which its fingerprint fixes.

    Returns:
        uint8 of shape (n, 3, H, W) on the block's device. Partners outside the block are read 2 048 at a time.

    Raises:
        DataError: If an image cannot be read.
        UsageError: If the split has no other image, or the images are too small for the window.
    """
    seed = block.source.seed
    pasted = torch.empty_like(block.clean)
    for start in range(0, len(pasted), IMAGES_PER_BLOCK):
        rows = slice(start, start + IMAGES_PER_BLOCK)
        pasted[rows] = paste_windows(
            block.clean[rows],
            condition.edge,
            condition.filling,
            condition.fraction,
            seed=seed,
            ids=block.ids[rows],
            partners=_partners(condition, block, rows) if condition.filling == "image" else None,
        )
    return pasted


def _partners(condition: Windowed, block: Block, rows: slice) -> Tensor:
    ids = block.ids[rows]
    positions = draw_partners(
        condition.fraction,
        seed=block.source.seed,
        ids=ids,
        positions=torch.from_numpy(block.positions[rows]).to(ids.device),
        n_total=len(block.source.data.labels),
    )
    return block.clean_at(positions.cpu().numpy())
