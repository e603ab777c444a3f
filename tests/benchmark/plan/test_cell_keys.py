"""The keys of cells: a change asks every run for everything again, as a raised ``PROTOCOL_VERSION`` means to."""

from pathlib import Path

import numpy as np
import torch
from tiny_sweeps import conditions

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.data.dataset import from_array
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.source import Source

KEYS = {
    "clean": "50dcc0b64ab01935",
    "fog@3": "99030c17fe88c3ff",
    "window-gauss-mean@0.25": "189f93be26b0339b",
    "fgsm-linf@2/255": "78f09e44a36be98f",
    "pgd3-linf": "3c8617e19dec2b99",
    "apgd-ce5-l2@0.5": "55b00af8b85557d4",
}


def test_keys_are_those_of_the_runs_that_were_stored_before(tmp_path: Path) -> None:
    weights = {name: torch.full_like(of, 1) for name, of in build_architecture("resnet8", 5).state_dict().items()}
    torch.save(weights, tmp_path / "ones.pth")
    (checkpoint,) = resolve(f"{tmp_path / 'ones.pth'},arch=resnet8,norm=cifar10,name=ones")
    data = from_array("greys", "test", np.full((10, 3, 32, 32), 128, np.uint8), np.arange(10) % 5, 5)
    names = ("clean", "fog@3", "window-gauss-mean@0.25", "fgsm-linf@2/255", "pgd3-linf@1/255,4/255", "apgd-ce5-l2@1/2")
    plan = make_plan(Source.choose(data, limit=5, seed=1), [checkpoint], conditions(*names))
    assert {cell.condition.name: cell.key[:16] for cell in plan.cells.values()} == KEYS
