"""The networks of a search and what they recognise; what one process of several holds."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from robustsweep.augmentations.policies.policy_file import Policy, SubPolicy
from robustsweep.benchmark.checkpoints.native import load_card, load_tensors
from robustsweep.benchmark.checkpoints.networks.network import build_network
from robustsweep.benchmark.data.dataset import Int64Array
from robustsweep.training.course import EpochReport
from robustsweep.training.images.data_images import load_images
from robustsweep.training.images.training_images import TrainingImages
from robustsweep.training.job import BaselineClock, Setting, is_trained, run_job
from robustsweep.training.search.request import DRAWS, Search
from robustsweep.training.search.rewards import right_in_any_draw
from robustsweep.training.search.splits import Split, taking

PASSES_PER_STEP = 3
"""Forward passes that a step of training costs as much as, for each of its images."""


class SplitNetworks:
    """Trains the network of each split and asks it for rewards.

    Args:
        search: What is wanted.
        report: Told how many forward passes of one image have been computed.
    """

    def __init__(self, search: Search, report: Callable[[int], None]) -> None:
        self._search, self._report = search, report
        self._networks: dict[int, nn.Module] = {}
        self._images: dict[tuple[int, bool], TrainingImages] = {}

    def setting(self, split: Split) -> Setting:
        """Put the images on the device that the split's network is trained on."""
        wanted = self._search
        data = taking(wanted.data, split.trained)
        images = load_images(data, wanted.device, wanted.recipe)
        return Setting(data, images, wanted.architecture, wanted.recipe, "last", wanted.device)

    def train(self, number: int) -> None:
        """Train the network of a split, unless it is trained already; an unfinished training goes on.

        Raises:
            CheckpointError: If another training lies in its place, or the loss stops being finite.
        """
        split = self._search.splits[number]
        job, setting = self._search.job(split), self.setting(split)

        def report(epoch: EpochReport) -> None:
            self._report(PASSES_PER_STEP * len(setting.images))

        if not is_trained(job, setting):
            run_job(job, setting, BaselineClock(), report)

    def reward(self, number: int, sub_policies: tuple[SubPolicy, ...]) -> float:
        """Return the share of the split's searched images that its network recognises, in [0, 1]."""
        searched = self._search.splits[number].searched
        is_right = self._right(number, sub_policies, self._loaded(number, searched, held_out=False))
        return sum(is_right) / len(is_right)

    def timed_reward(self, number: int, sub_policies: tuple[SubPolicy, ...]) -> tuple[float, float]:
        """Return the reward and the seconds that it took."""
        begun = time.perf_counter()
        return self.reward(number, sub_policies), time.perf_counter() - begun

    def recognised(self, number: int, sub_policies: tuple[SubPolicy, ...]) -> list[bool]:
        """Say which of the held-out images the split's network recognises."""
        return self._right(number, sub_policies, self._loaded(number, self._search.held_out, held_out=True))

    def _right(self, number: int, sub_policies: tuple[SubPolicy, ...], images: TrainingImages) -> list[bool]:
        seed, recipe = self._search.request.seed, self._search.recipe
        found = right_in_any_draw(
            self._network(number), images, Policy(sub_policies), recipe, draws=DRAWS, seed=seed
        ).tolist()
        self._report(DRAWS * len(images))
        return [bool(one) for one in found]

    def _network(self, number: int) -> nn.Module:
        if number not in self._networks:
            path = self._search.job(self._search.splits[number]).path
            network = build_network(self._search.architecture, self._search.data.classes).module
            network.load_state_dict(load_tensors(path))
            network = network.to(self._search.device).to(memory_format=torch.channels_last)
            self._networks[number] = network.eval()
        return self._networks[number]

    def _loaded(self, number: int, positions: Int64Array, *, held_out: bool) -> TrainingImages:
        if (number, held_out) not in self._images:
            wanted = self._search
            card = load_card(wanted.job(wanted.splits[number]).path)
            images = load_images(wanted.data.taking(positions), wanted.device, wanted.recipe)
            self._images[number, held_out] = replace(images, normalisation=card.normalisation)
        return self._images[number, held_out]
