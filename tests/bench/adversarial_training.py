"""Train a ResNet-8 against single steps with a random start, so that attacks have a network that resists them.

Run as ``python tests/bench/adversarial_training.py DATA FOLDER``, with DATA as ``robustsweep sweep`` takes it. It holds
images out of the training, the same number of each class, and writes ``resnet8-linf.pth`` and ``held-out.npz``.

Source: Wong, Rice and Kolter, "Fast is better than free: revisiting adversarial training" (ICLR 2020), algorithm 3:
starts uniform in the ball, one step of 1.25 eps, a learning rate that rises and falls once.
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from robustsweep.attacks import parse_eps
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.plan.source import Source

BATCH = 100


def trained_against_single_steps(images: Tensor, labels: Tensor, eps: Fraction, epochs: int) -> Normalised:
    """Train a ResNet-8 with seed 0.

    Args:
        images: float32 (N, 3, H, W), in [0, 1].
        labels: int64 (N,).
        eps: The Linf budget of the training images.
        epochs: How often each image is taken.

    Returns:
        The network in evaluation mode, on images in [0, 1].
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Normalised(build_architecture("resnet8", int(labels.max()) + 1), NORMALISATIONS["half"])
        module.to(memory_format=torch.channels_last).train()
        optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
        total = epochs * (len(images) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.2, total_steps=total)
        for batch in tqdm(_batches(len(images), epochs), total=total, mininterval=5):
            clean, target = _flipped(images[batch]).contiguous(memory_format=torch.channels_last), labels[batch]
            loss = F.cross_entropy(module(_single_step(module, clean, target, float(eps))), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return module.eval().requires_grad_(False)


def _batches(n: int, epochs: int) -> Iterator[Tensor]:
    for _ in range(epochs):
        yield from torch.randperm(n)[: n // BATCH * BATCH].split(BATCH)


def _flipped(images: Tensor) -> Tensor:
    return torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images, images.flip(3))


def _single_step(module: nn.Module, clean: Tensor, labels: Tensor, eps: float) -> Tensor:
    start = (clean + torch.empty_like(clean).uniform_(-eps, eps)).clamp(0, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(module(start), labels), start)
    moved = (start.detach() + 1.25 * eps * gradient.sign()).clamp(clean - eps, clean + eps)
    return moved.clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--eps", type=parse_eps, default=Fraction(8, 255))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--held-out", type=int, default=1000)
    asked = parser.parse_args()
    data = open_data(asked.data)
    assert isinstance(data, Dataset), "clean images are trained on"
    held_out = Source.choose(data, limit=asked.held_out, seed=0).positions
    rows = np.setdiff1d(np.arange(len(data)), held_out)
    module = trained_against_single_steps(
        data.images(rows).float() / 255, torch.from_numpy(data.labels[rows]), asked.eps, asked.epochs
    )
    asked.folder.mkdir(parents=True, exist_ok=True)
    torch.save(module.network.state_dict(), asked.folder / "resnet8-linf.pth")
    images, labels = data.images(held_out), data.labels[held_out]
    np.savez(asked.folder / "held-out.npz", images=images.permute(0, 2, 3, 1).numpy(), labels=labels)
    with torch.inference_mode():
        right = module(images.float() / 255).argmax(1) == torch.from_numpy(labels)
    print(f"{float(right.float().mean()):.3f} of the {len(right)} images held out are right; trained on {len(rows)}")


if __name__ == "__main__":
    main()
