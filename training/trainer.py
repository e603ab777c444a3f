"""The trainer: one method, one data set, one recipe and one seed make one checkpoint."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.augmentations.crop_flip import crop_flip, sample_crop_flip
from robustsweep.augmentations.method import Method, Step
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.draws import Draws
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.training.recipe import Recipe

# A mirrored 2 is no 2.
_NEVER_FLIPPED = ("digits",)


@dataclass(frozen=True, slots=True)
class EpochReport:
    """How an epoch went.

    Attributes:
        epoch: Finished epochs, from 1.
        epochs: Epochs of the whole training.
        loss: Mean training loss of the epoch, in nats.
        seconds: Wall-clock time of the epoch.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network and its card.

    Attributes:
        module: The bare network (the normalisation is in the card), on the CPU, in evaluation mode.
        card: What it is.
    """

    module: nn.Module
    card: Card


def input_statistics(images: Tensor) -> Normalisation:
    """Compute each channel's mean and standard deviation over all pixels, exactly, from a histogram.

    Args:
        images: uint8, shape (N, 3, H, W).

    Returns:
        The constants for images in [0, 1]; a constant channel has deviation 1.
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(3):
        counts = torch.bincount(images[:, channel].flatten(), minlength=256).cpu().numpy()
        mean = float(counts @ values / counts.sum())
        deviation = math.sqrt(counts @ (values - mean) ** 2 / counts.sum())
        means.append(mean)
        deviations.append(deviation or 1.0)
    return Normalisation((means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2]))


@dataclass(frozen=True, slots=True)
class _TrainingSet:
    """The training images on the device: uint8 images, one-hot targets, ids, and the constants that normalise."""

    images: Tensor
    targets: Tensor
    ids: Tensor
    mean: Tensor
    std: Tensor


def _load(data: Dataset, device: torch.device) -> tuple[_TrainingSet, Normalisation]:
    images = data.images(np.arange(len(data.labels))).to(device)
    normalisation = input_statistics(images)
    loaded = _TrainingSet(
        images=images,
        targets=F.one_hot(torch.from_numpy(data.labels), data.classes).float().to(device),
        ids=torch.from_numpy(data.ids).to(device),
        mean=torch.tensor(normalisation.mean, device=device).view(1, 3, 1, 1),
        std=torch.tensor(normalisation.std, device=device).view(1, 3, 1, 1),
    )
    return loaded, normalisation


def _run_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    data: _TrainingSet,
    method: Method,
    recipe: Recipe,
    seed: int,
    epoch: int,
) -> float:
    """Train for one epoch (counted from 0) and return the mean loss."""
    # Each image's place, crop and augmentation belong to (seed, epoch, id), whatever the batch size.
    order = torch.argsort(Draws(seed, f"training/order/{epoch}", data.ids).words(1)[:, 0], stable=True)
    crops = sample_crop_flip(
        Draws(seed, f"training/crop-flip/{epoch}", data.ids), recipe.crop_padding, flip=recipe.flip
    )
    sample = method.sample(Draws(seed, f"training/augmentation/{epoch}", data.ids))
    batch_size = min(recipe.batch_size, len(order))
    n_steps = len(order) // batch_size
    total = torch.zeros((), device=order.device)

    def criterion(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing, reduction="none")

    for step, rows in enumerate(order[: n_steps * batch_size].view(n_steps, batch_size)):
        time_in_epochs = epoch + (step + 0.5) / n_steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate_at(time_in_epochs)
        pixels = method.pixels(crop_flip(data.images[rows], crops[rows], recipe.crop_padding), sample[rows])
        images = (pixels / 255 - data.mean) / data.std
        progress = time_in_epochs / recipe.epochs
        loss = method.loss(Step(network, images, data.targets[rows], sample[rows], criterion, progress))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.detach()
    return float(total) / n_steps


def training_card(
    method: Method, data: Dataset, normalisation: Normalisation, *, architecture: str, recipe: Recipe, seed: int
) -> Card:
    """Return the card of such a training, without its course: what a stored checkpoint must say to be reused."""
    height, width = data.size
    return Card(
        architecture=architecture,
        classes=data.classes,
        normalisation=normalisation,
        input_size=height if height == width else None,
        method=method.name,
        method_parameters=method.parameters(),
        data=data.name,
        data_fingerprint=data.fingerprint,
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optimiser=recipe.optimiser,
        seed=seed,
        epoch_kept="last",
    )


def train(
    method: Method,
    data: Dataset,
    *,
    architecture: str,
    recipe: Recipe,
    seed: int,
    device: torch.device | str = "cpu",
    progress: Callable[[EpochReport], None] | None = None,
) -> Trained:
    """Train a network and keep its last epoch.

    The images are kept on the device as uint8. Weights, order, crops, flips and augmentations follow from the seed,
    so that two trainings on the same CPU with the same number of threads give the same weights; no global generator
    is read.

    Args:
        method: The augmentation, applied after crop, flip and normalisation.
        data: Training images with their labels.
        architecture: A built-in architecture's name.
        recipe: Everything else that decides the result.
        seed: Any integer.
        device: Where to train.
        progress: Called after every epoch.

    Raises:
        UsageError: If the recipe mirrors images whose class a mirror changes.
        CheckpointError: If the loss stops being finite.
    """
    if recipe.flip and data.name in _NEVER_FLIPPED:
        raise UsageError(
            f"Recipe {recipe.name!r} mirrors images, which changes the classes of {data.name!r}: take one without."
        )
    device = torch.device(device)
    loaded, normalisation = _load(data, device)
    network = build_architecture(architecture, data.classes, seed=seed)
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
    )
    reports: list[EpochReport] = []
    for epoch in range(recipe.epochs):
        start = time.perf_counter()
        loss = _run_epoch(network, optimiser, loaded, method, recipe, seed, epoch)
        if not math.isfinite(loss):
            raise CheckpointError(
                f"Training {architecture} with {method.name} diverged in epoch {epoch + 1} (loss {loss}): lower the "
                f"learning rate, {recipe.learning_rate}, of recipe {recipe.name!r}."
            )
        reports.append(EpochReport(epoch + 1, recipe.epochs, loss, time.perf_counter() - start))
        if progress is not None:
            progress(reports[-1])
    card = training_card(method, data, normalisation, architecture=architecture, recipe=recipe, seed=seed)
    course = {
        "device": device.type,
        "final_loss": reports[-1].loss,
        "seconds_per_epoch": sum(report.seconds for report in reports) / len(reports),
    }
    return Trained(network.to("cpu", memory_format=torch.contiguous_format).eval(), replace(card, training=course))
