"""The gallery of methods: what each makes of one pair of photos, with its mask and the label's weight."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from robustsweep.augmentations.choice import Choice
from robustsweep.augmentations.method import METHODS, Method, Step
from robustsweep.augmentations.mixes.mixing import MixingMethod, pair
from robustsweep.augmentations.network_method import GuidedMethod
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.benchmark.data.photos import example_photos
from robustsweep.draws import Draws
from robustsweep.results.stored.files import write_atomically

_ARCHITECTURE, _SIDE_PX = "resnet8", 128
_COLUMNS = 6
_TRIES = 16
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


def exhibit(method: Method, images: Tensor) -> Exhibit:
    """Let a method work on two photos with draws that show it.

    Those are the first that give the label a weight from 0.4 to 0.75; if there are none among 16, of those that
    change the first photo the one with a middling amount, with several labels if there are any.
    """
    found: list[Exhibit] = []
    while len(found) < _TRIES:
        found.append(_exhibit(method, images, len(found)))
        weight = found[-1].weight
        if weight is not None and _TELLING[0] <= weight <= _TELLING[1]:
            return found[-1]
    several = [each for each in found if each.weight is None] or found
    # What rounding changes is not a change.
    changes = {id(each): float((each.image - images[0] / 255).abs().mean()) for each in several}
    ordered = sorted(several, key=lambda each: changes[id(each)])
    telling = [each for each in ordered if changes[id(each)] > _ROUNDING and each.weight in (None, 1)] or ordered
    return telling[len(telling) // 2]


def _exhibit(method: Method, images: Tensor, seed: int) -> Exhibit:
    """Take one training step without its update."""
    sample = method.sample(Draws(seed, "gallery", torch.arange(len(images))))
    note = ""
    while isinstance(method, Choice):
        method, columns = method.operation_of_batch(sample)
        sample, note = sample[:, columns], f"drew {method.name}"
    normalisation = NORMALISATIONS["imagenet"]
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (normalisation.mean, normalisation.std))
    views = (method.pixels(images, sample) / 255 - mean) / std
    if len(views) > len(images):
        views, note = views[len(images) : 2 * len(images)], "one of its views"
    has_own_loss, has_own_pixels = type(method).loss is not Method.loss, type(method).pixels is not Method.pixels
    if has_own_loss and not has_own_pixels:
        mixed, labels, n_passes = _through_network(method, views, sample)
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


def _through_network(method: Method, images: Tensor, sample: Tensor) -> tuple[Tensor, set[float], int]:
    """Compute the loss; return the images that last reached the network, the first one's labels, and the passes.

    A label is the first photo's share in it. What came before the last pass only asked the network.
    """
    network = build_architecture(_ARCHITECTURE, 2, seed=0).train()
    inputs: list[Tensor] = []
    labels: set[float] = set()

    def watch(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        inputs.append(arguments[0].detach())
        labels.clear()

    def criterion(logits: Tensor, wanted: Tensor) -> Tensor:
        labels.add(float(wanted[0, 0]))
        return F.cross_entropy(logits, wanted, reduction="none")

    network.register_forward_pre_hook(watch)
    method.loss(Step(network, images, torch.eye(2), sample, criterion, 0.5))
    # A method may pass the images as they are beside those that it made, which come last.
    return inputs[-1][-len(images) :], labels, len(inputs)


def _network_note(method: Method, is_unchanged: bool, n_passes: int, labels: set[float]) -> str:
    """Say what the network had to do with a picture."""
    if isinstance(method, MixingMethod):
        return "beside image a as it is"
    asked = f"asked a {_ARCHITECTURE} with\nrandom weights"
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


def draw_gallery(path: Path) -> None:
    """Draw every registered method with its default parameters.

    Each method takes a training step on the two photos; one that asks its network (a built-in one with random
    weights of seed 0) says so under the picture.

    Args:
        path: The PNG to write.
    """
    images = example_photos(_SIDE_PX)
    shown = {name: exhibit(METHODS[name](), images) for name in METHODS}
    rows = -(-(len(shown) + 1) // _COLUMNS)
    figure = Figure(figsize=(2.05 * _COLUMNS, 4.7 * rows), dpi=130, layout="constrained")
    axes = figure.subplots(2 * rows, _COLUMNS, squeeze=False)
    for each in axes.flat:
        each.set_axis_off()
    _show(axes[0, 0], images[0] / 255, "image a", "")
    _show(axes[1, 0], images[1] / 255, "partner b", "")
    for place, (name, one) in enumerate(shown.items(), start=1):
        row, column = 2 * (place // _COLUMNS), place % _COLUMNS
        _show(axes[row, column], one.image, name, f"{_label_text(one.weight)}\n{one.note}".strip())
        if one.mask is not None:
            below = f"mask: mean {float(one.mask.mean()):.2f}"
            _show(axes[row + 1, column], one.mask.expand(3, -1, -1), "", below)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_atomically(path, content.getvalue())


def _label_text(weight: float | None) -> str:
    if weight is None:
        return "labels: a loss for each"
    return f"label: λ = {weight:.2f} of a" if weight < 1 else "label: a"


def _show(axes: Axes, image: Tensor, title: str, below: str) -> None:
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.imshow(image.permute(1, 2, 0).numpy(), vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=10, fontweight="bold")
    axes.set_xlabel(below, fontsize=8.5)
