"""Methods that mix a batch of images and labels, for anybody's training loop."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import get_worker_info

from robustsweep.augmentations import Method, build_method
from robustsweep.augmentations.combination import augments_alone
from robustsweep.augmentations.network_method import NetworkMethod
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError
from robustsweep.values import require_kind, whole, whole_number


class Mix:
    """One of the methods of ``robustsweep list methods``, called on each batch of a training loop.

    Draws belong to (seed, number of the call, row of the batch): the same seed and the same sequence of calls give the
    same batches, on a CPU and on a GPU. Processes that train together need seeds of their own. In a worker of a
    DataLoader the worker's seed, which PyTorch draws anew for each epoch, counts as well.

    Args:
        method: Name of a method that mixes the images of a batch, such as ``"cutmix"`` or ``"smoothmix_s"``.
        classes: Number of classes.
        seed: Seed of everything drawn.
        parameters: Those of the method that differ from its defaults, such as ``alpha=0.5``.

    Attributes:
        calls: How many batches it has seen; set it to continue a training that was interrupted.

    Raises:
        UsageError: If the method or a parameter is unknown, or it does more than to mix a batch: it looks at the
            network in training, or changes single images before they are normalised.

    Examples:
        >>> import torch
        >>> from robustsweep import Mix
        >>> mix = Mix("cutmix", classes=100)
        >>> images, targets = mix(torch.randn(16, 3, 32, 32), torch.arange(16))
        >>> images.shape, targets.shape
        (torch.Size([16, 3, 32, 32]), torch.Size([16, 100]))
        >>> loss = torch.nn.functional.cross_entropy(torch.randn(16, 100), targets)
    """

    def __init__(self, method: str, *, classes: int, seed: int = 0, **parameters: Any) -> None:
        self._method = build_method(method, **parameters)
        _refuse_more_than_mixing(self._method)
        self.classes = whole(whole_number(classes, "classes"), "classes", 1, 1_000_000)
        self.seed = whole_number(seed, "seed")
        self.calls = 0

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one batch; the arguments are left as they were.

        Args:
            images: Floating point (N, C, H, W), as the network gets them.
            labels: Whole numbers (N,), or class probabilities (N, classes), on the device of the images.

        Returns:
            Images of the same shape and dtype, and targets: class probabilities, float32 (N, classes), or of the dtype
            of the probabilities that came.

        Raises:
            DataError: If images or labels do not fit.
        """
        _check_images(images)
        targets = self._targets(labels, len(images))
        worker = get_worker_info()
        stream = f"mix/{self._method.name}/{worker.seed if worker else 'loop'}/{self.calls}"
        sample = self._method.sample(Draws(self.seed, stream, torch.arange(len(images), device=images.device)))
        self.calls += 1
        return self._method.apply(images, targets, sample)

    def __repr__(self) -> str:
        parameters = "".join(f", {name}={value!r}" for name, value in self._method.parameters().items())
        return f"Mix({self._method.name!r}, classes={self.classes}, seed={self.seed}{parameters})"

    def _targets(self, labels: Tensor, n: int) -> Tensor:
        require_kind(labels, Tensor, f"Labels must be a tensor, whole numbers ({n},)", error=DataError)
        if labels.is_floating_point() and labels.shape == (n, self.classes):
            return labels
        if labels.is_floating_point() or labels.dtype == torch.bool or labels.shape != (n,):
            raise DataError(
                f"Labels must be whole numbers ({n},), or probabilities ({n}, {self.classes}), got {labels.dtype} "
                f"{tuple(labels.shape)}."
            )
        if n and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            span = f"{int(labels.min())} to {int(labels.max())}"
            raise DataError(
                f"Labels must be from 0 to {self.classes - 1}, as classes={self.classes}; they go from {span}."
            )
        return functional.one_hot(labels.long(), self.classes).to(torch.float32)


def _refuse_more_than_mixing(method: Method) -> None:
    name = method.name
    if isinstance(method, NetworkMethod):
        raise UsageError(
            f"{name} needs the network that it trains, which Mix does not see; train with robustsweep train --method "
            f"{name}, or choose a method that mixes images alone, such as cutmix."
        )
    if not augments_alone(method):
        raise UsageError(
            f"{name} changes single images before they are normalised, or has parts that do or that need the network, "
            f"and Mix sees normalised batches alone; train with robustsweep train --method {name}, or choose a method "
            "that mixes images alone, such as cutmix."
        )


def _check_images(images: Tensor) -> None:
    expected = "Images must be a tensor, floating point (N, C, H, W)"
    require_kind(images, Tensor, expected, error=DataError)
    if not images.is_floating_point() or images.ndim != 4:
        hint = "; normalise them first" if images.dtype == torch.uint8 else ""
        raise DataError(f"{expected}, got {images.dtype} {tuple(images.shape)}{hint}.")
