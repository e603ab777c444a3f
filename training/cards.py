"""The card of a training, known before it begins, and what cannot be trained at all."""

from typing import Literal

import torch

from robustsweep.augmentations.method import Method
from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.errors import UsageError
from robustsweep.training.images.training_images import HELD_OUT_SHARE
from robustsweep.training.recipe import Recipe

Keep = Literal["last", "best"]
"""``"last"``: train on all images. ``"best"``: on nine tenths, and also keep the epoch best on the other tenth."""

# A mirrored 2 is not a 2.
_NEVER_FLIPPED = ("digits",)


def training_card(
    method: Method,
    data: Dataset,
    normalisation: Normalisation,
    *,
    architecture: str,
    recipe: Recipe,
    seed: int,
    keep: Keep = "last",
) -> Card:
    """Return the card of such a training's last epoch, without its course.

    A stored checkpoint is this training's if its card says the same. The best epoch's card differs in
    ``epoch_kept`` alone.
    """
    height, width = data.size if recipe.crop_size is None else (recipe.crop_size, recipe.crop_size)
    return Card(
        architecture=architecture,
        classes=data.classes,
        normalisation=normalisation,
        input_size=height if height == width else None,
        method=method.name,
        method_parameters=method.parameters(),
        overlapped_corruptions=list(method.overlapped_corruptions),
        overlaps_attacks=method.overlaps_attacks,
        data=data.name,
        data_fingerprint=data.fingerprint,
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optimiser=recipe.optimiser,
        seed=seed,
        epoch_kept="last",
        held_out=HELD_OUT_SHARE if keep == "best" else 0.0,
    )


def check_architecture(architecture: str) -> None:
    """Refuse an architecture that cannot be trained on any data.

    Raises:
        UsageError: If it is code of the user's.
    """
    if architecture.startswith("py:"):
        raise UsageError(f"{architecture} is code of yours, and no checkpoint file may name code: train it elsewhere.")


def check_flip(recipe: Recipe, data: Dataset) -> None:
    """Refuse a mirror that changes classes.

    Raises:
        UsageError: If the recipe mirrors images and a mirrored image of these data is of another class.
    """
    if recipe.flip and data.name in _NEVER_FLIPPED:
        raise UsageError(
            f"Recipe {recipe.name!r} mirrors images, which changes the classes of {data.name!r}; take one with "
            "flip = false, such as digits."
        )


def check_smoothing(recipe: Recipe, method: Method) -> None:
    """Refuse to smooth labels twice.

    Raises:
        UsageError: If the recipe smooths labels and the method does as well.
    """
    if recipe.label_smoothing and method.smooths_labels:
        raise UsageError(
            f"Recipe {recipe.name!r} smooths labels by {recipe.label_smoothing:g}, and {method.name} would smooth them "
            "again: set label_smoothing of the recipe to 0, or take another method."
        )


def device_name(device: torch.device) -> str:
    """Name what computes, for a card: the GPU, or the CPU with its number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    n_threads = torch.get_num_threads()
    return f"{device.type}, {n_threads} thread{'s' if n_threads > 1 else ''}"
