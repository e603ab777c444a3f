"""The model under attack: checked once, then evaluated for verdicts and gradients, and never changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from robustsweep.attacks.folded_network import channels_last
from robustsweep.attacks.losses import Loss
from robustsweep.errors import AttackError, DataError, NoGradientError, UsageError
from robustsweep.process.precision import full_precision, undisturbed
from robustsweep.values import require_kind

# Stochastic depth in torchvision and timm; neither derives from torch's dropout.
_DROPS_PATHS = {"StochasticDepth", "DropPath"}


@dataclass(frozen=True, slots=True)
class Target:
    """A classifier of images in [0, 1] and the loss to climb.

    Attributes:
        model: Maps float32 (n, ...) to logits (n, K); gives the verdicts.
        search: The same function but for rounding; gives the gradients.
        loss: Maps logits, labels and target classes to one value per image.
        attack: The attack's name, for error messages.
        mean_loss: Whether the mean over the batch is differentiated, else the sum. The sum does not shrink gradients
            towards underflow, and gives each image its own.
    """

    model: nn.Module
    search: nn.Module
    loss: Loss
    attack: str
    mean_loss: bool = False

    @property
    def searches_itself(self) -> bool:
        """Whether gradients come from the model that gives the verdicts, so that one pass serves both."""
        return self.search is self.model

    def verdict(self, images: Tensor) -> Tensor:
        """Compute the logits of ``images``, float32 (n, K), without a graph."""
        with torch.no_grad():
            # Where a copy searches, the model has been seen to take the layout that its convolutions are faster in.
            return self._logits(self.model, images if self.searches_itself else channels_last(images))

    def differentiable(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the search's logits with a graph.

        Returns:
            The leaf that stands for the images, and its logits.
        """
        leaf = images.detach().requires_grad_()
        return leaf, self._logits(self.search, leaf)

    def gradient(
        self, leaf: Tensor, logits: Tensor, labels: Tensor, targets: Tensor | None, wanted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Differentiate the loss of the ``wanted`` rows (bool (n,)) with respect to the leaf alone.

        Returns:
            The wanted rows' gradients, float32 (m, ...), and losses, float32 (m,).

        Raises:
            NoGradientError: If there is no gradient, or it is not finite.
        """
        is_whole = bool(wanted.all())
        if not is_whole:
            logits, labels, targets = logits[wanted], labels[wanted], None if targets is None else targets[wanted]
        loss = self.loss(logits, labels, targets)
        gradient = None
        if loss.requires_grad:
            (gradient,) = torch.autograd.grad(loss.mean() if self.mean_loss else loss.sum(), leaf, allow_unused=True)
        if gradient is None:
            raise NoGradientError(
                f"{self.attack}: the model's logits have no gradient with respect to the image; an operation in it "
                "cannot be differentiated or runs under no_grad. Remove that, or use an attack that needs no gradient."
            )
        if not gradient.isfinite().all():
            raise NoGradientError(f"{self.attack}: the loss has a gradient that is not finite (NaN or infinity).")
        return gradient if is_whole else gradient[wanted], loss.detach()

    def _logits(self, model: nn.Module, images: Tensor) -> Tensor:
        logits: Tensor = model(images)
        if logits.dim() != 2 or len(logits) != len(images):
            raise UsageError(
                f"{self.attack}: the model must return logits ({len(images)}, classes), got {tuple(logits.shape)}."
            )
        if not logits.isfinite().all():
            raise AttackError(f"{self.attack}: the model returned logits that are not finite (NaN or infinity).")
        return logits.float()


def device_of(model: nn.Module, default: torch.device) -> torch.device:
    """Return where the model's parameters or buffers lie, or ``default`` if it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return default


@contextmanager
def evaluation_context() -> Iterator[None]:
    """Let gradients be taken, and in full precision, whatever the caller has switched on around it."""
    with undisturbed(), full_precision():
        yield


def check_eval_mode(model: nn.Module) -> None:
    """Refuse a model one of whose layers would act at random or change when it is used.

    Raises:
        UsageError: Naming the first batch normalisation or dropout layer in training mode.
    """
    for name, module in model.named_modules():
        random = isinstance(module, _NormBase | _DropoutNd) or type(module).__name__ in _DROPS_PATHS
        if random and module.training:
            raise UsageError(
                f"Layer {name or 'model'!r} ({type(module).__name__}) is in training mode; "
                "call model.eval() before an attack."
            )


def check_images(images: Tensor) -> None:
    """Refuse what is not float32 (N, ...) with at least one image.

    Raises:
        DataError: Saying what came.
    """
    hint = "torch.from_numpy makes a tensor of an array"
    require_kind(images, Tensor, "Images must be a tensor, float32 (N, ...) in [0, 1]", hint=hint, error=DataError)
    if images.dtype != torch.float32 or images.dim() < 2 or images.numel() == 0:
        raise DataError(f"Images must be float32 (N, ...) and not empty, got {images.dtype} {tuple(images.shape)}.")


def ids_or_positions(images: Tensor, ids: Tensor | None) -> Tensor:
    """Return the ids; the positions 0..N-1 of the images if there are none."""
    check_images(images)
    return torch.arange(len(images)) if ids is None else ids


def check_attackable(model: nn.Module, images: Tensor, labels: Tensor, ids: Tensor) -> None:
    """Refuse inputs that cannot be attacked, and a model in training mode.

    Args:
        model: As for ``check_eval_mode``.
        images: To be float32 (N, ...), within [0, 1] to 1e-6.
        labels: To be int64 (N,), not negative.
        ids: To be int64 (N,).

    Raises:
        DataError: Saying what was expected and what came.
        UsageError: Naming a layer in training mode.
    """
    require_kind(model, nn.Module, "The model must be a torch.nn.Module on images in [0, 1]")
    check_images(images)
    for noun, values in (("Labels", labels), ("Ids", ids)):
        require_kind(values, Tensor, f"{noun} must be a tensor, int64 ({len(images)},)", error=DataError)
        if values.dtype != torch.int64 or values.shape != images.shape[:1]:
            raise DataError(f"{noun} must be int64 ({len(images)},), got {values.dtype} {tuple(values.shape)}.")
    low, high = (float(value) for value in torch.aminmax(images))
    if not (low >= -1e-6 and high <= 1.0 + 1e-6):
        raise DataError(
            f"Images must lie in [0, 1], they span {low:.4g} to {high:.4g}; pass pixels as they are and put the "
            "normalisation inside the model."
        )
    if int(labels.min()) < 0:
        raise DataError(f"Labels must be 0 or more, got {int(labels.min())}.")
    check_eval_mode(model)


def check_labels(labels: Tensor, logits: Tensor) -> None:
    """Refuse labels, int64 (n,), for which ``logits``, (n, K), have no class.

    Raises:
        DataError: Naming the largest label.
    """
    if int(labels.max()) >= logits.shape[1]:
        raise DataError(f"Label {int(labels.max())} is beyond the model's {logits.shape[1]} classes.")
