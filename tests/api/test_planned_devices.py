"""Which devices a plan and the command line choose."""

from pathlib import Path
from typing import Any

import pytest

from robustsweep.api.plan_runs import plan_sweep
from robustsweep.errors import UsageError

CHECKPOINT = "torchvision:resnet18,weights=random,classes=10,input_size=32"


def planned(tmp_path: Path, options: dict[str, Any] | None = None, **keys: Any) -> tuple[str, bool]:
    """Plan a small sweep; returns its device, and whether other processes compute."""
    plan = {"checkpoints": [CHECKPOINT], "suites": ["clean"], "limit": 10, "out": str(tmp_path / "run"), **keys}
    found = plan_sweep(plan, options)
    return str(found.settings.device), found.engine is not None


def test_several_devices_are_computed_on_by_other_processes_and_one_by_this(tmp_path: Path) -> None:
    assert planned(tmp_path, devices=["cpu", "cpu"]) == ("cpu", True)
    assert planned(tmp_path, devices=["cpu"]) == ("cpu", False)


def test_the_command_line_replaces_devices_by_a_device_and_a_device_by_devices(tmp_path: Path) -> None:
    assert planned(tmp_path, {"device": "cpu"}, devices=["cpu", "cpu"]) == ("cpu", False)
    assert planned(tmp_path, {"devices": ("cpu", "cpu")}, device="cpu") == ("cpu", True)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"device": "cpu", "devices": ["cpu", "cpu"]}, "Give device or devices, not both"),
        ({"devices": ["cpu", "auto"]}, "devices needs each device by its name, .* not auto"),
        ({"devices": ["cpu", ""]}, "devices must be auto, cpu, cuda or cuda:N, got ''"),
        ({"devices": ["cpu", "cuda:999"]}, "devices cuda:999: this machine has"),
        ({"devices": ["cpu"] * 65}, "names 65 devices, .* at most 64"),
        ({"devices": "cpu,cpu"}, "devices must be a list of strings"),
    ],
)
def test_devices_that_cannot_be_had_are_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        planned(tmp_path, **keys)
