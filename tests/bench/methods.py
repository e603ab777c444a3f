"""What each method adds to a training step: its time over the baseline's, ResNet-20 with batches of 128 at 32 pixels.

A step is all that training does: draws, crop, flip, pixels, normalisation, loss, gradient, update. Every method is
timed in turn with the baseline, the order alternating, and divided round by round. Names as arguments choose methods.
"""

import statistics
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from clocks import wall_seconds
from crops import photos, random_crops
from interleaved import alternating
from rich.console import Console
from rich.progress import track
from scipy.stats import binom
from torch import Tensor

from robustsweep.augmentations import METHODS
from robustsweep.augmentations.crop_flip import crop_flip, sample_crop_flip
from robustsweep.augmentations.method import Method, Step
from robustsweep.augmentations.textures.texture_method import TextureMethod
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.draws import Draws

ROUNDS, STEPS = 15, 2
BATCH_SIZE, SIDE, CLASSES, PADDING = 128, 32, 10, 4


def _criterion(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets, reduction="none")


def training_steps(method: Method, images: Tensor, targets: Tensor) -> Callable[[], None]:
    """Return a call that trains a network of its own for ``STEPS`` steps on the same batch with new draws.

    Pictures of a mixing set, which a training run makes once, are made before.
    """
    if isinstance(method, TextureMethod):
        every_picture = torch.zeros(method.n_textures, 3, dtype=torch.float64)
        every_picture[:, 0] = torch.arange(method.n_textures) / method.n_textures
        method.mixing_set(images).parts(every_picture, SIDE, SIDE)
    network = build_architecture("resnet20", CLASSES)
    network = network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    ids, taken = torch.arange(len(images)), 0

    def call() -> None:
        nonlocal taken
        for _ in range(STEPS):
            taken += 1
            crops = sample_crop_flip(Draws(0, f"crop-flip/{taken}", ids), PADDING, flip=True)
            sample = method.sample(Draws(0, f"augmentation/{taken}", ids))
            pixels = method.pixels(crop_flip(images, crops, PADDING), sample)
            loss = method.loss(Step(network, pixels / 64 - 2, targets, sample, _criterion, 0.5))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()

    return call


def median_interval(values: list[float]) -> tuple[float, float]:
    """Return the ordered values between which the true median lies with at least 95% confidence, however they vary."""
    ordered = sorted(values)
    cut = int(binom.ppf(0.025, len(values), 0.5)) - 1
    return ordered[cut], ordered[-1 - cut]


def main() -> None:
    console = Console(highlight=False)
    images = torch.from_numpy(random_crops(photos(), BATCH_SIZE, SIDE))
    targets = F.one_hot(torch.arange(BATCH_SIZE) % CLASSES, CLASSES).float()
    baseline = training_steps(METHODS["baseline"](), images, targets)
    baseline()
    console.print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {ROUNDS} rounds of {STEPS} steps")
    console.print(f"{'':16} x baseline  95% interval of the median   least to largest     ms per step")
    for name in track(sys.argv[1:] or list(METHODS), description="measuring", console=console, transient=True):
        steps = training_steps(METHODS[name](), images, targets)
        steps()
        rounds = alternating(lambda: wall_seconds(baseline), lambda steps=steps: wall_seconds(steps), ROUNDS)
        ratios = [theirs / base for base, theirs in rounds]
        low, high = median_interval(ratios)
        milliseconds = 1e3 * statistics.median(theirs for _, theirs in rounds) / STEPS
        console.print(
            f"{name:16} {statistics.median(ratios):9.3f}   {low:9.3f} to {high:.3f}"
            f"{'':13}{min(ratios):.3f} to {max(ratios):.3f}   {milliseconds:9.1f}",
            soft_wrap=True,
        )


if __name__ == "__main__":
    main()
