"""Pictures of the gallery: what a method makes of one pair of photos, with its mask and the label's weight."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustsweep.augmentations.choice import Choice
from robustsweep.augmentations.method import Method, Step
from robustsweep.augmentations.mixes.mixing import MixingMethod, pair
from robustsweep.augmentations.network_method import GuidedMethod
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.draws import Draws

_ARCHITECTURE = "resnet8"
_TRIES = 16
# A random network finds every block of an image equally salient, and a confident one has no gradient.
_STEPS, _CROPS, _CROP_PX, _LEARNING_RATE, _SMOOTHING = 30, 16, 32, 0.05, 0.1
_ROUNDING = 1e-4
# Weights at which both images of a mixed pair can be seen.
_TELLING = (0.4, 0.75)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What one method made of the first photo, with the second as its partner.

    Attributes:
        image: float32 in [0, 1], shape (3, H, W): what reached the network; of several views the first changed one.
        mask: The first photo's share in each pixel, float32, shape (H, W); None if there is no such mask.
        weight: The first photo's share in the label; None if several labels have a loss each.
        note: What the picture alone does not say, or nothing.
    """

    image: Tensor
    mask: Tensor | None
    weight: float | None
    note: str

    @property
    def caption(self) -> str:
        """The label and the note, on a line each."""
        label = "labels: a loss for each"
        if self.weight is not None:
            label = f"label: λ = {self.weight:.2f} of a" if self.weight < 1 else "label: a"
        return f"{label}\n{self.note}".strip()


def exhibit(method: Method, images: Tensor, network: nn.Module) -> Exhibit:
    """Let a method work on two photos with draws that show it.

    Those are the first that give the label a weight from 0.4 to 0.75. If there are none among 16: of those that change
    the first photo and leave its label, or have several labels, the one with a middling amount; else the one whose
    weight is nearest.

    Args:
        method: The method.
        images: The two photos, uint8, shape (2, 3, H, W).
        network: What it asks, see ``photo_network``; stays as it is.
    """
    found: list[Exhibit] = []
    while len(found) < _TRIES:
        found.append(_exhibit(method, images, network, len(found)))
        weight = found[-1].weight
        if weight is not None and _TELLING[0] <= weight <= _TELLING[1]:
            return found[-1]
    several = [each for each in found if each.weight is None] or found
    # What rounding changes is not a change.
    changes = {id(each): float((each.image - images[0] / 255).abs().mean()) for each in several}
    ordered = sorted(several, key=lambda each: changes[id(each)])
    telling = [each for each in ordered if changes[id(each)] > _ROUNDING and each.weight in (None, 1)]
    if telling:
        return telling[len(telling) // 2]
    middle = sum(_TELLING) / 2
    return min(ordered, key=lambda each: abs(middle - (1 if each.weight is None else each.weight)))


def photo_network(images: Tensor) -> nn.Module:
    """Train a small network for a second to tell two photos apart, by parts of them; in training mode.

    Its saliency differs from place to place, as a trained network's does; labels are smoothed, so it stays in doubt.

    Args:
        images: The two photos, uint8, shape (2, 3, H, W), sides of at least 32 px.
    """
    network = build_architecture(_ARCHITECTURE, 2, seed=0).train()
    mean, std = _constants()
    photos = (images / 255 - mean) / std
    labels = torch.arange(_CROPS) % 2
    optimizer = torch.optim.SGD(network.parameters(), lr=_LEARNING_RATE, momentum=0.9)
    for step in range(_STEPS):
        share = Draws(step, "gallery crops", torch.arange(_CROPS)).uniform(2)
        room = torch.tensor(photos.shape[2:]) - _CROP_PX + 1
        corners = (share * room).long().tolist()
        crops = [
            photos[label, :, top : top + _CROP_PX, left : left + _CROP_PX]
            for label, (top, left) in zip(labels.tolist(), corners, strict=True)
        ]
        optimizer.zero_grad()
        loss = F.cross_entropy(network(torch.stack(crops)), labels, label_smoothing=_SMOOTHING)
        torch.autograd.backward(loss)
        optimizer.step()
    return network


def _constants() -> tuple[Tensor, Tensor]:
    """Return the mean and the standard deviation of pixels, each of shape (1, 3, 1, 1)."""
    known = NORMALISATIONS["imagenet"]
    return torch.tensor(known.mean).view(1, 3, 1, 1), torch.tensor(known.std).view(1, 3, 1, 1)


def _exhibit(method: Method, images: Tensor, network: nn.Module, seed: int) -> Exhibit:
    """Take one training step without its update."""
    sample = method.sample(Draws(seed, "gallery", torch.arange(len(images))))
    note = ""
    while isinstance(method, Choice):
        method, columns = method.operation_of_batch(sample)
        sample, note = sample[:, columns], f"drew {method.name}"
    mean, std = _constants()
    views = (method.pixels(images, sample) / 255 - mean) / std
    if len(views) > len(images):
        views, note = views[len(images) : 2 * len(images)], "one of its views"
    has_own_loss, has_own_pixels = type(method).loss is not Method.loss, type(method).pixels is not Method.pixels
    if has_own_loss and not has_own_pixels:
        mixed, labels, n_passes = _through_network(method, views, sample, deepcopy(network))
        note = _network_note(method, bool((mixed[0] == views[0]).all()), n_passes, labels)
    else:
        mixed, targets = method.apply(views, torch.eye(2), sample)
        labels = {float(targets[0, 0])}
    return Exhibit(
        image=(mixed[:1] * std + mean).clamp(0, 1)[0],
        mask=None if has_own_loss or has_own_pixels else _mask(method, views, sample),
        weight=labels.pop() if len(labels) == 1 else None,
        note=note,
    )


def _through_network(
    method: Method, images: Tensor, sample: Tensor, network: nn.Module
) -> tuple[Tensor, set[float], int]:
    """Compute the loss; return the images that last reached the network, the first one's labels, and the passes.

    A label is the first photo's share in it. What came before the last pass only asked the network.
    """
    inputs: list[Tensor] = []
    labels: set[float] = set()

    def watch(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        inputs.append(arguments[0].detach())
        labels.clear()

    def criterion(logits: Tensor, wanted: Tensor) -> Tensor:
        labels.add(float(wanted[0, 0]))
        return F.cross_entropy(logits, wanted, reduction="none", label_smoothing=_SMOOTHING)

    network.register_forward_pre_hook(watch)
    method.loss(Step(network, images, torch.eye(2), sample, criterion, 0.5))
    # A method may pass the images as they are beside those that it made, which come last.
    return inputs[-1][-len(images) :], labels, len(inputs)


def _network_note(method: Method, is_unchanged: bool, n_passes: int, labels: set[float]) -> str:
    """Say what the network had to do with a picture."""
    if isinstance(method, MixingMethod):
        return "beside image a as it is"
    asked = f"asked a {_ARCHITECTURE} trained\nto tell a from b"
    if not is_unchanged:
        return asked if n_passes > 1 else ""
    if labels != {1.0}:
        return "mixed inside the network"
    return f"{asked}: left as it is" if isinstance(method, GuidedMethod) else "works inside the network"


def _mask(method: Method, images: Tensor, sample: Tensor) -> Tensor | None:
    if isinstance(method, MixingMethod):
        return method.blend(sample[:, 2:], images[pair(sample[:, 0])])[0][0, 0]
    # What multiplies pixels leaves itself on white ones.
    factor = method.apply(torch.ones_like(images), torch.eye(2), sample)[0][0, 0]
    return None if bool((factor == 1).all()) else factor
