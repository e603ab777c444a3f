"""The demo's checkpoints: six methods on the handwritten digits, alike in everything but the method."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from robustsweep.augmentations import METHODS
from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.native import load_card, save_native
from robustsweep.benchmark.data.digits import open_digits
from robustsweep.errors import CheckpointError
from robustsweep.training.recipe import RECIPES
from robustsweep.training.trainer import EpochReport, input_statistics, train, training_card

DEMO_METHODS = ("baseline", "cutout", "mixup", "cutmix", "smoothmix_s", "smoothmix_c")
DEMO_ARCHITECTURE = "resnet8"
DEMO_RECIPE = "digits"


def _is_trained(path: Path, card: Card) -> bool:
    """Say whether the file is a checkpoint of exactly that training."""
    try:
        return path.is_file() and replace(load_card(path), training={}) == card
    except CheckpointError:
        return False


def train_demo_checkpoints(
    folder: Path, *, seed: int = 0, progress: Callable[[str, EpochReport], None] | None = None
) -> list[Path]:
    """Train a small network with each of ``DEMO_METHODS``, unless the folder holds it already.

    A file of another training (seed, recipe, parameters, data) under the same name is replaced.

    Args:
        folder: Where the checkpoints lie; it is created.
        seed: Training seed, the same for every method.
        progress: Called after every epoch with the method's name.

    Returns:
        The native checkpoint files, in the order of ``DEMO_METHODS``.
    """
    data, recipe = open_digits("train"), RECIPES[DEMO_RECIPE]
    normalisation = input_statistics(data.images(np.arange(len(data))))
    paths = []
    for name in DEMO_METHODS:
        method = METHODS[name]()
        path = folder / f"{name}-seed{seed}.safetensors"
        card = training_card(method, data, normalisation, architecture=DEMO_ARCHITECTURE, recipe=recipe, seed=seed)
        if not _is_trained(path, card):

            def report(epoch: EpochReport, name: str = name) -> None:
                if progress is not None:
                    progress(name, epoch)

            trained = train(method, data, architecture=DEMO_ARCHITECTURE, recipe=recipe, seed=seed, progress=report)
            save_native(path, trained.module, trained.card)
        paths.append(path)
    return paths
