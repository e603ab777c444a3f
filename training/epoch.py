"""One epoch: every image once, in an order, a crop and an augmentation that belong to (seed, epoch, image)."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.augmentations.method import Method, Step
from robustsweep.draws import Draws
from robustsweep.training.images.training_images import TrainingImages
from robustsweep.training.recipe import Recipe


def precision_on(device: torch.device, recipe: Recipe) -> str:
    """Return the precision of forward and backward passes: the recipe's on CUDA, float32 elsewhere."""
    return recipe.precision if device.type == "cuda" else "float32"


@contextmanager
def in_precision(network: nn.Module, device: torch.device, recipe: Recipe) -> Iterator[None]:
    """Make the network's own forward pass run in the recipe's precision, and return float32 logits.

    Losses, masks and saliencies around it stay in float32. bfloat16 has float32's range, so that no gradient needs
    scaling.
    """
    if precision_on(device, recipe) == "float32":
        yield
        return
    plain = network.forward

    def forward(images: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            logits: Tensor = plain(images)
        return logits.float()

    network.forward = forward
    try:
        yield
    finally:
        del network.forward


@contextmanager
def own_generator(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Seed the generators that layers such as dropout read from (seed, epoch), and restore them afterwards."""
    word = int.from_bytes(
        hashlib.blake2b(f"{seed}\0training/layers/{epoch}".encode(), digest_size=8).digest(), "little"
    )
    on_cuda = device.type == "cuda"
    with (
        torch.random.fork_rng(devices=[device] if on_cuda else []),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True),
    ):
        torch.default_generator.manual_seed(word)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(word)
        yield


def train_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    data: TrainingImages,
    method: Method,
    recipe: Recipe,
    seed: int,
    epoch: int,
) -> float:
    """Train for one epoch (counted from 0) and return the mean loss, in nats."""
    # Each image's place, crop and augmentation belong to (seed, epoch, id), whatever the batch size.
    order = order_of(data.ids, seed, epoch)
    sample = method.sample(Draws(seed, f"training/augmentation/{epoch}", data.ids))
    batches = batches_of(order, recipe)
    total = torch.zeros((), device=order.device)

    def criterion(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing, reduction="none")

    for step, (rows, crops) in enumerate(zip(batches, data.crops(batches, recipe, seed, epoch), strict=True)):
        time_in_epochs = epoch + (step + 0.5) / len(batches)
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate_at(time_in_epochs)
        images = data.normalised(method.pixels(crops, sample[rows]))
        progress = time_in_epochs / recipe.epochs
        loss = method.loss(
            Step(network, images, data.targets(rows), sample[rows], criterion, progress, *data.constants)
        )
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        total += loss.detach()
    return float(total) / len(batches)


def order_of(ids: Tensor, seed: int, epoch: int) -> Tensor:
    """Draw in what order an epoch takes its images.

    Args:
        ids: Ids of the images, int64, shape (N,).
        seed: Of the training.
        epoch: Counted from 0.

    Returns:
        Rows of ``ids``, int64, shape (N,).
    """
    words = Draws(seed, f"training/order/{epoch}", ids).words(1)[:, 0]
    return torch.argsort(words.to(torch.int64), stable=True)  # PyTorch cannot sort many unsigned numbers


def batches_of(order: Tensor, recipe: Recipe) -> Tensor:
    """Cut an order of N rows into steps, shape (steps, batch size); what is left over waits for another epoch."""
    batch_size = min(recipe.batch_size, len(order))
    n_steps = len(order) // batch_size
    return order[: n_steps * batch_size].view(n_steps, batch_size)


def held_out_accuracy(network: nn.Module, data: TrainingImages) -> float | None:
    """Return the accuracy on the held-out images as they are, in [0, 1]; None if there are none."""
    if not data.n_held_out:
        return None
    network.eval()
    n_right = 0
    for images, labels in data.held_out_batches():
        with torch.inference_mode():
            n_right += int((network(data.normalised(images)).argmax(1) == labels).sum())
    network.train()
    return n_right / data.n_held_out
