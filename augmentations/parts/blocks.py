"""Images as blocks of a square grid, in reading order."""

from torch import Tensor


def to_blocks(images: Tensor, n: int) -> Tensor:
    """Cut images, shape (N, C, H, W), into n by n blocks: shape (N, n * n, C, H / n, W / n); n divides H and W."""
    n_images, channels, height, width = images.shape
    cut = images.reshape(n_images, channels, n, height // n, n, width // n)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n_images, n * n, channels, height // n, width // n)


def from_blocks(blocks: Tensor, n: int) -> Tensor:
    """Put blocks together again; the inverse of ``to_blocks``."""
    n_images, _, channels, height, width = blocks.shape
    cut = blocks.view(n_images, n, n, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    return cut.reshape(n_images, channels, n * height, n * width)
