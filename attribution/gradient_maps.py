"""SmoothGrad and Integrated Gradients: averages of the gradient over noise, and over a line.

Sources: Smilkov, Thorat, Kim, Viegas and Wattenberg, "SmoothGrad: removing noise by adding noise" (2017), section 3;
Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks" (ICML 2017), equation 1.
"""

import numpy as np
import torch
from torch import Tensor, nn

from robustsweep.attacks.target import ids_or_positions
from robustsweep.attribution.explained import explaining, logit_gradient
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError
from robustsweep.values import whole

_MOST_PASSES = 100_000


def smoothgrad(
    network: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    samples: int = 50,
    sigma: float = 0.15,
    seed: int = 0,
    ids: Tensor | None = None,
) -> Tensor:
    """Average the signed gradient of the target logit over noisy copies of each image.

    Noisy copies may leave [0, 1]; they are not clipped, as clipping would shift their mean.

    Args:
        network: From images in [0, 1] to logits; it is left as it is.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,), the classes to explain.
        samples: Noisy copies of each image, 1 or more.
        sigma: Standard deviation of the noise as a fraction of the image's largest minus its smallest value; the paper
            finds 0.1 to 0.2 best. With 0 the map is the plain gradient.
        seed: Seed of the noise.
        ids: int64 (N,), what the noise belongs to; None: positions. An image's noise does not depend on its batch.

    Returns:
        float32 (N, 3, H, W), signed: logits per unit of pixel value.

    Raises:
        UsageError: If ``samples`` or ``sigma`` is out of range.
        DataError: If images, targets or ids do not fit.
        NoGradientError: If there is no gradient, or it is not finite.
    """
    whole(samples, "samples", 1, _MOST_PASSES)
    if not 0 <= sigma < float("inf"):
        raise UsageError(f"sigma must be a finite number of 0 or more, got {sigma}.")
    ids = ids_or_positions(images, ids)
    with explaining(network, images, targets, "smoothgrad", ids) as explained:
        spread = (images.amax((1, 2, 3), keepdim=True) - images.amin((1, 2, 3), keepdim=True)) * sigma
        draws = Draws(seed, "attribution/smoothgrad", ids.to(images.device))
        total = torch.zeros_like(images)
        for _ in range(samples if sigma else 1):
            noisy = images + spread * draws.normal(*images.shape[1:]) if sigma else images
            total += logit_gradient(explained, noisy, targets)
        return total / (samples if sigma else 1)


def integrated_gradients(
    network: nn.Module, images: Tensor, targets: Tensor, *, steps: int = 50, baseline: Tensor | None = None
) -> Tensor:
    """Compute (x - b) times the mean gradient of the target logit on the line from b to x.

    The mean is taken by Gauss and Legendre's rule. If it is exact, each map adds up to the logit of its image minus
    that of the baseline; of a deep network 50 steps usually come within 1%.

    Args:
        network: From images in [0, 1] to logits; it is left as it is.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,), the classes to explain.
        steps: Gradients on the line, 1 or more.
        baseline: float32 that broadcasts to the images, in pixels: what counts as no evidence; None: black. Pixels
            that equal the baseline get no share, whatever the network makes of them.

    Returns:
        float32 (N, 3, H, W), signed, in units of the logit. Nothing is drawn.

    Raises:
        UsageError: If ``steps`` is out of range.
        DataError: If images, targets or the baseline do not fit.
        NoGradientError: If there is no gradient, or it is not finite.
    """
    whole(steps, "steps", 1, _MOST_PASSES)
    with explaining(network, images, targets, "integrated_gradients") as explained:
        start = torch.zeros_like(images) if baseline is None else _like(baseline, images)
        places, weights = np.polynomial.legendre.leggauss(steps)
        total = torch.zeros_like(images)
        for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
            between = start + (1 + place) / 2 * (images - start)
            total += weight / 2 * logit_gradient(explained, between, targets)
        return (images - start) * total


def _like(baseline: Tensor, images: Tensor) -> Tensor:
    try:
        return baseline.to(images).expand_as(images)
    except RuntimeError:
        raise DataError(
            f"The baseline must broadcast to the images {tuple(images.shape)}, got {tuple(baseline.shape)}."
        ) from None
