"""The losses that attacks climb, one value per image."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from robustsweep.registry import Registry

Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: Registry[Loss] = Registry("loss")


@LOSSES.register("ce")
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the softmax, in nats.

    In float32 the gradient is exactly zero where the true logit leads by more than about 104; the engine warns then.

    Args:
        logits: float32 (n, K).
        labels: int64 (n,).

    Returns:
        float32 (n,).
    """
    return F.cross_entropy(logits, labels, reduction="none")
