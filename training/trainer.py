"""The trainer: one method, one data set, one recipe and one seed make one checkpoint."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from robustsweep.augmentations.method import METHODS, Method
from robustsweep.benchmark.architectures import ARCHITECTURES
from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.networks.network import build_network
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.errors import CheckpointError
from robustsweep.process.freed_memory import keep_freed_memory
from robustsweep.training.cards import (
    Keep,
    check_architecture,
    check_flip,
    check_smoothing,
    device_name,
    training_card,
)
from robustsweep.training.course import Course, EpochReport, best_epoch, training_facts
from robustsweep.training.epoch import (
    batches_of,
    held_out_accuracy,
    in_precision,
    own_generator,
    precision_on,
    train_epoch,
)
from robustsweep.training.images.data_images import load_images
from robustsweep.training.images.training_images import TrainingImages
from robustsweep.training.recipe import Recipe
from robustsweep.training.state import Weights, copied, load_state, read_header, save_state


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network and its card.

    Attributes:
        module: The bare network (the normalisation is in the card), on the CPU, in evaluation mode.
        card: What it is.
        course: Every epoch.
        best: The same network after its best epoch, if that is kept.
    """

    module: nn.Module
    card: Card
    course: Course
    best: "Trained | None" = None


def train(
    method: Method,
    data: Dataset,
    *,
    architecture: str,
    recipe: Recipe,
    seed: int,
    device: torch.device | str = "cpu",
    keep: Keep = "last",
    state: Path | None = None,
    images: TrainingImages | None = None,
    progress: Callable[[EpochReport], None] | None = None,
) -> Trained:
    """Train a network and keep its last epoch.

    Images are kept on the device as uint8, or read as the training goes if the recipe's crop is resized. Weights,
    order, crops, flips, augmentations and what layers draw follow from the seed, so that two training runs on the same
    CPU with the same number of threads give the same weights, also when one was interrupted and continued; the global
    generators are left as they were.

    Args:
        method: The augmentation, applied after crop, flip and normalisation.
        data: Training images with their labels.
        architecture: A built-in architecture's name, or ``timm:``, ``torchvision:`` or ``pytorchcv:`` and a name.
        recipe: Everything else that decides the result.
        seed: Any integer.
        device: Where to train.
        keep: See ``Keep``.
        state: File to save the unfinished training to after every epoch, and to continue from if it holds this
            very training; the caller removes it. None: an interruption loses the training.
        images: What ``load_images`` returned for the same data, device and ``keep``; None: they are read.
        progress: Called after every epoch, when its state is saved.

    Raises:
        UsageError: If recipe, data and architecture cannot be trained together, or another package's method or
            architecture fails.
        CheckpointError: If the loss stops being finite, or the state cannot be read.
    """
    keep_freed_memory()
    check_architecture(architecture)
    check_flip(recipe, data)
    check_smoothing(recipe, method)
    device = torch.device(device)
    images = load_images(data, device, recipe, hold_out=keep == "best") if images is None else images
    with METHODS.using(method.name):
        card = training_card(
            method, data, images.normalisation, architecture=architecture, recipe=recipe, seed=seed, keep=keep
        )
    network = build_network(architecture, data.classes, seed=seed).module
    network = network.to(device).to(memory_format=torch.channels_last).train()
    optimiser = _optimiser(network, recipe)
    course: Course = []
    best: Weights = {}
    if state is not None and state.is_file():
        saved_card, saved_course = read_header(state)
        if saved_card == card:
            course, best = saved_course, load_state(state, network, optimiser)
    for epoch in range(len(course), recipe.epochs):
        with METHODS.using(method.name), ARCHITECTURES.using(architecture):
            report = _epoch_report(network, optimiser, images, method, recipe, seed, epoch, device)
        course.append(report)
        if report.held_out_accuracy is not None and best_epoch(course) == report.epoch:
            best = copied(network)
        if state is not None:
            save_state(state, card, course, network, optimiser, best)
        if progress is not None:
            progress(report)
    return _trained(network, card, {**training_facts(course), **_before(method)}, course, best)


def _optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
    )


def _epoch_report(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: TrainingImages,
    method: Method,
    recipe: Recipe,
    seed: int,
    epoch: int,
    device: torch.device,
) -> EpochReport:
    start = time.perf_counter()
    with own_generator(seed, epoch, device), in_precision(network, device, recipe):
        loss = train_epoch(network, optimiser, images, method, recipe, seed, epoch)
        seconds = time.perf_counter() - start
        if not math.isfinite(loss):
            raise CheckpointError(
                f"Training with {method.name} diverged in epoch {epoch + 1} (loss {loss}): lower the learning rate, "
                f"{recipe.learning_rate}, of recipe {recipe.name!r}."
            )
        accuracy = held_out_accuracy(network, images)
    return EpochReport(
        epoch=epoch + 1,
        epochs=recipe.epochs,
        loss=loss,
        learning_rate=float(optimiser.param_groups[0]["lr"]),
        seconds=seconds,
        images=batches_of(images.ids, recipe).numel(),
        device=device_name(device),
        precision=precision_on(device, recipe),
        held_out_accuracy=accuracy,
    )


def _before(method: Method) -> dict[str, float]:
    """Say what the method cost before any training."""
    return {} if method.search_seconds is None else {"search_seconds": method.search_seconds}


def _trained(network: nn.Module, card: Card, facts: dict[str, Any], course: Course, best: Weights) -> Trained:
    """Bring the network home; the best epoch, if it is kept, gets a copy of it."""
    module = network.to("cpu").to(memory_format=torch.contiguous_format).eval()
    last = Trained(module, replace(card, training=facts), course)
    if not best:
        return last
    twin = build_network(card.architecture, card.classes).module
    twin.load_state_dict(best)
    number = best_epoch(course)
    best_card = replace(card, epoch_kept="best", training={**facts, "epoch": number})
    return replace(last, best=Trained(twin.eval(), best_card, course))
