"""Plans that the processes of test_devices make for themselves, and networks that end them."""

import multiprocessing
import os
import signal
from functools import partial
from pathlib import Path

from tiny_sweeps import OneByOne, tiny_checkpoint, tiny_data, tiny_plan
from torch import Tensor, nn

from robustsweep.benchmark.plan.plan import Plan
from robustsweep.errors import CheckpointError

CONDITIONS = ("clean", "gaussian_noise@3", "fog@1", "fgsm-linf@2/255", "fgsm-linf@4/255", "pgd2-linf@1/255,8/255")


class Deadly(nn.Module):
    """Kills the process that runs it, unless that is the one of the tests or one was killed at ``marker`` already."""

    def __init__(self, network: nn.Module, marker: Path | None) -> None:
        super().__init__()
        self.network, self.marker = OneByOne(network), marker

    def forward(self, images: Tensor) -> Tensor:
        is_worker = multiprocessing.parent_process() is not None
        if is_worker and (self.marker is None or not self.marker.exists()):
            if self.marker is not None:
                self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        logits: Tensor = self.network(images)
        return logits


def plan(marker: Path | None = Path("/")) -> Plan:
    """Plan four checkpoints, of which the second kills the first process that runs it if there is no ``marker``."""
    wraps = [OneByOne, partial(Deadly, marker=marker), OneByOne, OneByOne]
    checkpoints = [
        tiny_checkpoint(name, seed, wrap) for seed, (name, wrap) in enumerate(zip("abcd", wraps, strict=True))
    ]
    return tiny_plan(*CONDITIONS, data=tiny_data(20), checkpoints=checkpoints)


def other_plan() -> Plan:
    """Plan what has other keys."""
    return tiny_plan(*CONDITIONS, data=tiny_data(19))


def no_plan() -> Plan:
    """Refuse, as if a file had gone."""
    raise CheckpointError("a.pth does not exist.")
