"""Sparse linear maps of images: each pixel of the result is a weighted sum of pixels of the image."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

# MKL sums in another order for some smaller numbers of columns, and a pixel would depend on the batch.
_PLANES_TOGETHER = 32
# PyTorch's warning is silenced while a matrix is made, which one thread at a time may do.
_MAKING = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let one thread at a time make, or look up, a matrix."""
    with _MAKING:
        yield


def compressed(places: Tensor, weights: Tensor, n_pixels: int, device: torch.device) -> Tensor:
    """Build a map from its entries; those of one place add up. To be called within ``one_thread``.

    Args:
        places: int64 tensor (2, K): pixel of the result, pixel of the image, in raster order.
        weights: float64 tensor (K,).
        n_pixels: Pixels of an image.
        device: Where the map is used.

    Returns:
        float32 tensor (n_pixels, n_pixels), compressed by rows.
    """
    matrix = torch.sparse_coo_tensor(places, weights, (n_pixels, n_pixels), check_invariants=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
        rows = matrix.coalesce().to_sparse_csr()
    return rows.to(torch.float32).to(device)


def pixels_first(images: Tensor) -> Tensor:
    """Lay images (N, C, H, W) out with a row per pixel, so that a weight multiplies that pixel of every image.

    Returns:
        float32 tensor (H * W, P), the planes filled up to a number that keeps sums in order.
    """
    planes = images.flatten(0, 1).flatten(1)
    filled = functional.pad(planes, (0, 0, 0, -len(planes) % _PLANES_TOGETHER))
    return filled.T.contiguous().to(torch.float32)


def planes_first(pixels: Tensor, shape: torch.Size) -> Tensor:
    """Lay pixels (H * W, P) out as images of ``shape`` again, without the planes that filled up."""
    return pixels.T[: shape[0] * shape[1]].contiguous().view(shape)
