"""A network, checkpoints, data and progress small enough that a whole sweep takes a moment."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robustsweep.benchmark.checkpoints import Card, Checkpoint
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.benchmark.checkpoints.state_dicts import weights_hash
from robustsweep.benchmark.data.corrupted.official import OfficialSet
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.plan.conditions import Condition, parse_condition
from robustsweep.benchmark.plan.plan import Plan, make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.sweep.progress import Silent
from robustsweep.benchmark.sweep.sweep import SweepSettings, SweepSummary, run_sweep
from robustsweep.errors import DataError
from robustsweep.results.stored.cells import Cell
from robustsweep.results.stored.store import CellStore

CLASSES = 5
# One of each kind: as they are, drawn pixels, a convolution, a decoder, a single step and a ladder.
CONDITIONS = (
    "clean",
    "gaussian_noise@3",
    "defocus_blur@2",
    "jpeg_compression@4",
    "fgsm-linf@2/255",
    "pgd3-linf@1/255,4/255,16/255",
)

Arrays = dict[tuple[str, str], dict[str, npt.NDArray[np.generic]]]


class TinyNet(nn.Module):
    """A convolution and a matrix, odd in the image's distance from grey, so that no class outweighs the others."""

    def __init__(self, seed: int, classes: int = CLASSES) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False)
            self.linear = nn.Linear(6 * 16, classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        features = nn.functional.adaptive_avg_pool2d(torch.tanh(4 * self.conv(images - 0.5)), 4)
        logits: Tensor = 8 * self.linear(features.flatten(1))
        return logits


class OneByOne(nn.Module):
    """Shows a network each image alone, so that its answers are the same to the last bit in any batch."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.network(image) for image in images.split(1)])


def tiny_checkpoint(
    name: str = "tiny",
    seed: int = 0,
    wrap: Callable[[nn.Module], nn.Module] = lambda network: network,
    classes: int = CLASSES,
) -> Checkpoint:
    """Make a checkpoint by hand; ``wrap`` changes what is loaded and not what is hashed."""

    def load() -> nn.Module:
        return wrap(TinyNet(seed, classes)).eval().requires_grad_(False)

    card = Card(architecture="py:tiny_sweeps:TinyNet", classes=classes, normalisation=NORMALISATIONS["none"])
    return Checkpoint(
        name=name, card=card, identity={"weights": weights_hash(TinyNet(seed, classes))}, load=load, load_network=load
    )


def tiny_images(n: int, *, side: int = 32, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Make images of 4 x 4 flat tiles: uint8 of shape (n, 3, side, side)."""
    tiles = np.random.default_rng(seed).integers(0, 256, (n, 3, 4, 4), dtype=np.uint8)
    return tiles.repeat(side // 4, axis=2).repeat(side // 4, axis=3)


def tiny_data(n: int = 60, *, side: int = 32, seed: int = 0) -> Dataset:
    """Wrap tiled images, labelled as ``TinyNet(0)`` sees them but for every sixth, which it gets wrong."""
    images = tiny_images(n, side=side, seed=seed)
    with torch.inference_mode():
        labels = TinyNet(0)(torch.from_numpy(images) / 255.0).argmax(1).numpy()
    labels[::6] = (labels[::6] + 1) % CLASSES
    return from_array("tiles", "test", images, labels, CLASSES)


def official_set(data: Dataset, *, clean: bool, corruptions: tuple[str, ...] = ("fog", "contrast")) -> OfficialSet:
    """Make an official set whose images are the clean ones, darker with each severity."""

    def check(corruption: str) -> None:
        if corruption not in corruptions:
            raise DataError(f"{corruption} is missing.")

    return OfficialSet(
        name="tiles-c",
        labels=data.labels,
        ids=data.ids,
        classes=data.classes,
        size=data.size,
        fingerprint="0" * 64,
        preprocessing="none",
        corruptions=corruptions,
        read=lambda corruption, severity, positions: data.images(positions) // (severity + 1),
        check=check,
        clean=data if clean else None,
    )


def conditions(*names: str) -> tuple[Condition, ...]:
    return tuple(parse_condition(name) for name in names)


def tiny_plan(
    *names: str,
    data: Dataset | OfficialSet | None = None,
    checkpoints: Iterable[Checkpoint] = (),
    limit: int | None = None,
    seed: int = 0,
) -> Plan:
    """Plan the named conditions, or one of each kind, for one or the given checkpoints."""
    source = Source.choose(data or tiny_data(), limit=limit, seed=seed)
    return make_plan(source, list(checkpoints) or [tiny_checkpoint()], conditions(*(names or CONDITIONS)))


def swept(plan: Plan, run: Path, progress: Silent | None = None, **settings: Any) -> SweepSummary:
    return run_sweep(plan, CellStore(run), replace(SweepSettings(), **settings), progress)


def stored(run: Path) -> Arrays:
    """Read every array of a run, by the checkpoint's and the condition's name."""
    store = CellStore(run)
    return {(cell.checkpoint["name"], cell.condition["name"]): store.examples(cell).arrays() for cell in store.cells()}


def same(left: Arrays, right: Arrays) -> bool:
    """Say whether two runs hold the same cells with the same arrays, bit for bit."""
    return left.keys() == right.keys() and all(
        left[cell].keys() == right[cell].keys()
        and all(np.array_equal(left[cell][name], right[cell][name]) for name in left[cell])
        for cell in left
    )


class Ledger(Silent):
    """Adds up what a sweep announces and what it reports."""

    def __init__(self) -> None:
        self.announced, self.cells, self.units = (0, 0), 0, 0
        self.sentences: list[str] = []

    def begin(self, cells: int, units: int) -> None:
        self.announced = (cells, units)

    def advance(self, cells: int, units: int) -> None:
        self.cells += cells
        self.units += units

    def warn(self, sentence: str) -> None:
        self.sentences.append(sentence)


def cells(run: Path) -> dict[str, Cell]:
    return {cell.condition["name"]: cell for cell in CellStore(run).cells()}
