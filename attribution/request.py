"""Requests for attribution, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from robustsweep.attribution.catalogue import MAPS, find_maps
from robustsweep.benchmark.checkpoints import Checkpoint, resolve
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.spec import Spec
from robustsweep.benchmark.sweep.batch_sizes import choose_batch_size
from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.report.attribution.map_arrays import MOST_IMAGES
from robustsweep.values import SEEDS, whole

Target = Literal["predicted", "true"]
TARGETS: tuple[Target, ...] = ("predicted", "true")
WINDOW_MAPS = ("cam", "gradcam")
"""Maps that are measured under windows if nothing else is said: the others cost 27 times 100 passes per image."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Maps that are wanted.

    Attributes:
        checkpoints: Whose maps, each once.
        source: The images, from which windows and noise have their seed.
        maps: Kinds of maps.
        window_maps: Those of them that are measured under the 27 windows.
        target: Which class is explained.
        out: Where everything goes.
        device: Where to compute.
        batch_size: Images per forward pass.
    """

    checkpoints: tuple[Checkpoint, ...]
    source: Source
    maps: tuple[str, ...]
    window_maps: tuple[str, ...]
    target: Target
    out: Path
    device: torch.device
    batch_size: int


def plan_attribution(
    checkpoints: Sequence[Spec | str],
    out: Path,
    *,
    data: str = "digits",
    maps: Sequence[str] = (),
    window_maps: Sequence[str] | None = None,
    images: int = 16,
    target: str = "predicted",
    seed: int = 0,
    device: torch.device | None = None,
    batch_size: int | None = None,
    workers: int = 4,
) -> Attribution:
    """Open data and checkpoints, and check what is asked for.

    Args:
        checkpoints: Checkpoint specs.
        out: Folder to write to.
        data: Data spec of clean images.
        maps: Kinds of maps; none: all.
        window_maps: Those to measure under windows; None: CAM and Grad-CAM, as far as they are among ``maps``.
        images: Number of images, stratified by class.
        target: ``"predicted"`` or ``"true"``: the class that is explained.
        seed: Seed of the choice, the windows, SmoothGrad's noise and the order of equal pixels.
        device: Where to compute; None: the CPU.
        batch_size: Images per forward pass; None: a quarter of what a sweep takes, as gradients need the room.
        workers: Threads that decode image files.

    Raises:
        RobustsweepError: If anything asked for cannot be had.
    """
    whole(seed, "seed", *SEEDS)
    whole(images, "images", 1, MOST_IMAGES)
    if not checkpoints:
        raise UsageError("Name at least one checkpoint, such as net.pth,arch=resnet20,norm=cifar10.")
    names = find_maps(maps or tuple(MAPS), "map of --maps")
    measured = _window_maps(names, window_maps)
    chosen = next((one for one in TARGETS if one == target), None)
    if chosen is None:
        raise unknown_name("target", target, list(TARGETS))
    opened = open_data(data, workers=workers)
    if not isinstance(opened, Dataset):
        raise UsageError(f"Maps are made of clean images, and {data} holds corrupted ones; name the clean set.")
    if opened.outputs:
        raise UsageError(
            f"Maps explain all outputs of a network, and {data} has some of its classes; name all of them."
        )
    if images > len(opened.labels):
        raise UsageError(f"{images} images were asked for, and {opened.name} has {len(opened.labels)}; ask for fewer.")
    device = device or torch.device("cpu")
    found = {checkpoint.id: checkpoint for spec in checkpoints for checkpoint in resolve(spec)}
    return Attribution(
        tuple(found.values()),
        Source.choose(opened, limit=images, seed=seed),
        names,
        measured,
        chosen,
        out,
        device,
        batch_size or choose_batch_size(opened.size, device) // 4,
    )


def _window_maps(names: tuple[str, ...], wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(name for name in names if name in WINDOW_MAPS)
    found = find_maps(wanted, "map of --window-maps") if wanted else ()
    for name in found:
        if name not in names:
            raise UsageError(f"{name} is to be measured under windows and is not among the maps {', '.join(names)}.")
    return found
