"""From images and a module to what is stored per image."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from robustsweep.benchmark.data.network_outputs import NetworkOutputs
from robustsweep.errors import CheckpointError
from robustsweep.results.stored.cells import Examples

_TOP = 5


def to_unit_range(images: Tensor, device: torch.device) -> Tensor:
    """Return uint8 images as float32 in [0, 1] on ``device``, channels last in memory."""
    return images.to(device).to(torch.float32).div_(255.0).contiguous(memory_format=torch.channels_last)


def score(logits: Tensor, labels: Tensor) -> Examples:
    """Compute what is stored for each image.

    Args:
        logits: Shape (n, classes), any float type.
        labels: int64, shape (n,).

    Raises:
        CheckpointError: If a logit, or the difference of two in float32, is not finite.
    """
    log_probabilities = functional.log_softmax(logits.to(torch.float64), dim=1)
    if not bool(torch.isfinite(logits).all() & torch.isfinite(log_probabilities.to(torch.float32)).all()):
        raise CheckpointError("The network's output is not finite; its weights or its normalisation are broken.")
    probabilities = log_probabilities.exp()
    prediction = logits.argmax(dim=1)
    of_label = logits.gather(1, labels.unsqueeze(1))
    # Equal logits are ranked by index, so that a network with constant output does not hit every label.
    comes_first = torch.arange(logits.shape[1], device=logits.device) < labels.unsqueeze(1)
    n_above = ((logits > of_label) | ((logits == of_label) & comes_first)).sum(dim=1)
    one_hot = functional.one_hot(labels, logits.shape[1])

    def array(values: Tensor, dtype: type[np.generic]) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        return values.cpu().numpy().astype(dtype)

    return Examples(
        prediction=array(prediction, np.int32),
        top5_hit=array(n_above < _TOP, np.bool_),
        confidence=array(probabilities.amax(dim=1), np.float32),
        nll=array(-log_probabilities.gather(1, labels.unsqueeze(1)).squeeze(1), np.float32),
        brier=array((probabilities - one_hot).square().sum(dim=1), np.float32),
    )


@torch.inference_mode()
def evaluate(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    batch_size: int,
    device: torch.device,
    outputs: NetworkOutputs | None = None,
) -> Examples:
    """Run a module over images in batches.

    Args:
        module: float32 images in [0, 1] to logits, on ``device``, in evaluation mode.
        images: uint8, shape (n, 3, H, W), on any device.
        labels: int64, shape (n,), on ``device``.
        batch_size: Images per forward pass.
        device: Where to compute.
        outputs: The outputs that the labels count; None: all.
    """
    logits = [
        module(to_unit_range(images[start : start + batch_size], device)) for start in range(0, len(images), batch_size)
    ]
    found = torch.cat(logits)
    return score(outputs.logits(found) if outputs else found, labels)
