"""The symmetric Beta distribution, drawn by inverting its distribution function: one uniform number makes one draw."""

import torch
from torch import Tensor

from robustsweep.errors import MissingDependencyError


def symmetric_beta(uniform: Tensor, alpha: float) -> Tensor:
    """Turn uniform numbers into draws from Beta(alpha, alpha).

    Args:
        uniform: float64 in [0, 1), any shape.
        alpha: Positive; 1 gives the uniform distribution, and then the numbers themselves.

    Returns:
        float64 in [0, 1], same shape and device.

    Raises:
        MissingDependencyError: If SciPy is absent and alpha is not 1.
    """
    if alpha == 1:
        return uniform
    try:
        from scipy.special import betaincinv
    except ImportError as error:
        raise MissingDependencyError(
            "Drawing from Beta(alpha, alpha) with alpha other than 1 needs scipy; install it."
        ) from error
    return torch.from_numpy(betaincinv(alpha, alpha, uniform.cpu().numpy())).to(uniform.device)
