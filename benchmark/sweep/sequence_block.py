"""From sequences of frames to what is stored of them."""

import numpy as np
import torch
from torch import Tensor, nn

from robustsweep.benchmark.plan.conditions import Sequenced
from robustsweep.benchmark.sweep.evaluation import score, to_unit_range
from robustsweep.results.corruption_names.sequences import compares_with_first
from robustsweep.results.statistics.flips import TOP, flip_probability, top5_distance
from robustsweep.results.stored.cells import Examples


@torch.inference_mode()
def sequence_examples(
    module: nn.Module,
    sequences: Tensor,
    labels: Tensor,
    condition: Sequenced,
    *,
    batch_size: int,
    device: torch.device,
) -> Examples:
    """Run a module over sequences, frame by frame.

    Args:
        module: float32 images in [0, 1] to logits, on ``device``, in evaluation mode.
        sequences: uint8, shape (n, frames, 3, H, W), on any device.
        labels: int64, shape (n,), on ``device``.
        condition: Whose sequences these are.
        batch_size: Images per forward pass.
        device: Where to compute.

    Returns:
        What is stored of single images is of the first frames; besides, the predictions of all frames.
    """
    n, n_frames = sequences.shape[:2]
    frames = sequences.flatten(0, 1)
    logits = torch.cat(
        [
            module(to_unit_range(frames[start : start + batch_size], device))
            for start in range(0, len(frames), batch_size)
        ]
    )
    first = score(logits[::n_frames], labels)
    # Checks that all frames' logits are finite; ties are ranked by class, as the published script does.
    score(logits, labels.repeat_interleave(n_frames))
    best = logits.sort(dim=1, descending=True, stable=True).indices[:, :TOP].view(n, n_frames, -1).cpu().numpy()
    with_first = compares_with_first(condition.perturbation)
    return Examples(
        **first.arrays(),
        frames=best[:, :, 0].astype(np.uint16),
        flip=flip_probability(best[:, :, 0], with_first=with_first).astype(np.float32),
        top5_distance=top5_distance(best, with_first=with_first).astype(np.float32),
    )
