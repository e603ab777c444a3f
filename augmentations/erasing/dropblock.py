"""DropBlock: square blocks of a feature map are set to zero, in training alone.

Source: Ghiasi, Lin and Le, "DropBlock: A regularization method for convolutional networks" (NeurIPS 2018), section 3
and equation 1: block centres are drawn with probability gamma where a whole block fits, and the share that is kept
falls linearly from 1 to its target.
Readings: one mask for all channels of an image; the outputs of the last two stages of the network are dropped from,
not each convolution inside them; blocks of 7 on maps that small cover the map.
Differences: what is kept is rescaled by each image's own share, while the paper's algorithm and most code take that of
the whole batch, so that an image does not depend on the others; a block larger than the map is cut to the map; an
image of which nothing is kept is zero, not a division by zero.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from robustsweep.augmentations.method import METHODS, Step
from robustsweep.augmentations.network_method import NetworkMethod
from robustsweep.augmentations.parts.image_keys import image_keys, sample_keys
from robustsweep.augmentations.parts.layers import find_layer, layer_names, output_replaced
from robustsweep.bounds import PositiveCount, PositiveShare
from robustsweep.draws import Draws


def block_mask(uniform: Tensor, drop: float, block: tuple[int, int], height: int, width: int) -> Tensor:
    """Build the factors of a feature map.

    Args:
        uniform: float64 in [0, 1), shape (N, height - block height + 1, width - block width + 1): one number for every
            place where a whole block fits.
        drop: Share of the map to be dropped if blocks never met, in [0, 1].
        block: Height and width of a block, at most those of the map.
        height: Of the map.
        width: Of the map.

    Returns:
        float32, shape (N, 1, height, width): 0 in the blocks, elsewhere 1 / (share kept), so that each mean is 1;
        all 0 if nothing is kept.
    """
    n_places = uniform.shape[1] * uniform.shape[2]
    gamma = drop / (block[0] * block[1]) * (height * width) / n_places
    corners = (uniform < gamma).float().unsqueeze(1)
    # A pixel is dropped if a block starts at most one block's length before it.
    before = (block[1] - 1, block[1] - 1, block[0] - 1, block[0] - 1)
    kept = 1 - F.max_pool2d(F.pad(corners, before), block, stride=1)
    return kept / kept.mean((2, 3), keepdim=True).clamp_min(1 / (height * width))


@METHODS.register("dropblock")
@dataclass(frozen=True)
class DropBlock(NetworkMethod):
    """Drops blocks from the outputs of layers; images and targets stay as they are.

    Attributes:
        block_size: Side of a block in pixels of the feature map, at least 1 (plain dropout of pixels).
        keep: Share that is kept at the end of the training, in (0, 1], if blocks never met; they do, so more is kept.
        layers: Whose outputs: ``stage1``, ``stage2``, ... (``stage-1`` is the last), or modules' paths.
    """

    name = "dropblock"
    block_size: PositiveCount = 7
    keep: PositiveShare = 0.9
    layers: Sequence[str] = ("stage-2", "stage-1")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", layer_names(self.layers, self.name))

    def sample(self, draws: Draws) -> Tensor:
        """Draw each image's key, from which maps of any size draw: shape (N, 2)."""
        return sample_keys(draws)

    def loss(self, step: Step) -> Tensor:
        """Compute the mean loss of a forward pass with dropped blocks."""
        keys, drop = image_keys(step.sample), (1 - self.keep) * step.progress

        def dropped(layer: str, values: Tensor) -> Tensor:
            height, width = values.shape[-2:]
            block = min(self.block_size, height), min(self.block_size, width)
            places = height - block[0] + 1, width - block[1] + 1
            uniform = Draws(0, f"dropblock/{layer}", keys).uniform(*places)
            return values * block_mask(uniform, drop, block, height, width).to(values.dtype)

        with ExitStack() as hooks:
            for layer in self.layers:
                module = find_layer(step.network, layer, self.name)
                hooks.enter_context(output_replaced(module, partial(dropped, layer), layer, self.name))
            logits = step.network(step.images)
        return step.criterion(logits, step.targets).mean()
