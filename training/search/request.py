"""A search for a policy as a user asks for it, checked before anything is computed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch

from robustsweep.augmentations.baseline import Baseline
from robustsweep.augmentations.policies.policy_file import OPERATIONS
from robustsweep.benchmark.data.dataset import Dataset, Int64Array
from robustsweep.errors import UsageError
from robustsweep.process.devices import find_device
from robustsweep.registry import unknown_name
from robustsweep.training.cards import check_architecture, check_flip
from robustsweep.training.images.data_images import open_training_data
from robustsweep.training.job import Job
from robustsweep.training.recipe import Recipe, find_recipe
from robustsweep.training.search.splits import Split, split_images
from robustsweep.training.search.trials import SUB_POLICIES_PER_TRIAL, find_optuna
from robustsweep.values import Many, Workers

FORMAT = "robustsweep search 1"
DRAWS = 5
"""How often each image is drawn with a policy; it counts as right where any of them is."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is asked for.

    Attributes:
        data: Data spec; its split is ``train`` unless it says another.
        arch: Architecture; None: the recipe's.
        recipe: A recipe's name, or a TOML file.
        epochs: In place of the recipe's.
        limit: Number of images, stratified by class; None: all.
        splits: Networks, each with its own share of the images to train on and to search on.
        trials: Policies that are tried on each network.
        keep: Best trials of each split that enter the policy.
        operations: Those that a policy may hold.
        seed: Of splits, networks, trials and draws.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        workers: Processes that share the work.
        out: Folder of networks, trials and policy.
    """

    data: str = "digits"
    arch: str | None = None
    recipe: str = "digits"
    epochs: Annotated[int, range(1, 1_000_001)] | None = None
    limit: Many | None = None
    splits: Annotated[int, range(1, 101)] = 5
    trials: Annotated[int, range(1, 100_001)] = 200
    keep: Annotated[int, range(1, 1001)] = 10
    operations: tuple[str, ...] = OPERATIONS
    seed: Annotated[int, range(1_000_000_000)] = 0
    device: str = "auto"
    workers: Workers = 1
    out: str = "runs/search"


@dataclass(frozen=True, eq=False)
class Search:
    """A request with what it names.

    Attributes:
        request: What was asked for.
        data: Training images with their labels.
        architecture: Of the networks.
        recipe: Of their training.
        held_out: Positions of the images that neither networks nor trials see.
        splits: The shares of the others.
        device: Where to compute.
        out: Where everything goes.
    """

    request: SearchRequest
    data: Dataset
    architecture: str
    recipe: Recipe
    held_out: Int64Array
    splits: tuple[Split, ...]
    device: torch.device
    out: Path

    def job(self, split: Split) -> Job:
        """Return the training of a split's network."""
        path = self.out / "networks" / f"split{split.number}.safetensors"
        return Job(Baseline(), self.request.seed, path)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides every trial, as JSON has it."""
        return {
            "format": FORMAT,
            "data": self.data.name,
            "data_split": self.data.split,
            "data_fingerprint": self.data.fingerprint,
            "images": len(self.data),
            "classes": self.data.classes,
            "architecture": self.architecture,
            "recipe": self.recipe.name,
            "recipe_hash": self.recipe.hash,
            "epochs": self.recipe.epochs,
            "batch_size": self.recipe.batch_size,
            "optimiser": self.recipe.optimiser,
            "splits": [{"trained_on": len(one.trained), "searched_on": len(one.searched)} for one in self.splits],
            "held_out": len(self.held_out),
            "operations": list(self.request.operations),
            "sub_policies_per_trial": SUB_POLICIES_PER_TRIAL,
            "draws_per_image": DRAWS,
            "seed": self.request.seed,
        }


def plan_search(request: SearchRequest) -> Search:
    """Open the data and check what is asked for.

    Raises:
        RobustsweepError: If anything asked for cannot be had.
    """
    _check(request)
    find_optuna()
    recipe = find_recipe(request.recipe)
    architecture = request.arch or recipe.architecture
    if architecture is None:
        raise UsageError(f"Recipe {recipe.name!r} names no architecture; name one with --arch.")
    check_architecture(architecture)
    if request.epochs is not None:
        recipe = recipe.lasting(request.epochs)
    device = find_device(request.device, "--device")
    data = open_training_data(request.data, limit=request.limit)
    if data.split in ("test", "val"):
        raise UsageError(
            f"{request.data} names the images of the split {data.split}; a search sees training images alone."
        )
    check_flip(recipe, data)
    held_out, splits = split_images(data, request.splits, request.seed)
    return Search(request, data, architecture, recipe, held_out, splits, device, Path(request.out).expanduser())


def _check(request: SearchRequest) -> None:
    for name in request.operations:
        if name not in OPERATIONS:
            raise unknown_name("operation", name, list(OPERATIONS))
    if not request.operations or len(set(request.operations)) < len(request.operations):
        raise UsageError(f"Name each operation once, and at least one, got {', '.join(request.operations) or 'none'}.")
    if request.keep > request.trials:
        raise UsageError(f"keep must be at most the number of trials, {request.trials}, got {request.keep}.")
