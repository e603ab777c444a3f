"""Devices by the names that users give them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from robustsweep.errors import UsageError

if TYPE_CHECKING:
    import torch

_MOST = 64
_NAME = re.compile(r"cpu|cuda(?::([0-9]{1,3}))?")


def find_device(name: str, what: str = "device") -> "torch.device":
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into a device that is there.

    Args:
        name: The name.
        what: What is named, for errors.

    Raises:
        UsageError: If it is not there.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = _NAME.fullmatch(name)
    if found is None:
        raise UsageError(f"{what} must be auto, cpu, cuda or cuda:N, got {name!r}.")
    if name != "cpu" and int(found[1] or 0) >= torch.cuda.device_count():
        raise UsageError(f"{what} {name}: this machine has {torch.cuda.device_count()} CUDA devices; use {what} cpu.")
    return torch.device(name)


def find_devices(names: Sequence[str], what: str = "devices") -> "list[torch.device]":
    """Turn ``cpu``, ``cuda`` and ``cuda:N`` into devices that are there, one for each name.

    Args:
        names: The names; one that is given twice stands for two processes.
        what: What is named, for errors.

    Raises:
        UsageError: If one is not there, or there are more than 64.
    """
    if len(names) > _MOST:
        raise UsageError(f"{what} names {len(names)} devices, one for each process; name at most {_MOST}.")
    if "auto" in names:
        raise UsageError(f"{what} needs each device by its name, such as cuda:0,cuda:1 or cpu,cpu, not auto.")
    return [find_device(name, what) for name in names]
