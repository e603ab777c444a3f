"""Devices by the names that users give them."""

import re
from typing import TYPE_CHECKING

from robustsweep.errors import UsageError

if TYPE_CHECKING:
    import torch

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
