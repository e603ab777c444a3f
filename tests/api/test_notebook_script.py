"""What a notebook's user writes, in at most 25 lines: a network in memory from clean images to CutMix."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

import robustsweep as rs
from robustsweep.cli import main

COUNTS = ["condition", "n", "n_right", "error"]

SCRIPT = """
import torch, torchvision
import robustsweep as rs
network = torchvision.models.resnet18(num_classes=10)
images = torch.randint(0, 256, (10, 3, 32, 32), dtype=torch.uint8)
labels = torch.arange(10)
results = rs.evaluate(network, (images, labels), ("clean", "cifar-c"), normalise="imagenet", name="mine")
table = results.table("headline")
axes = results.plot("error_per_corruption")
axes.figure.savefig("errors.png")
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=5, num_workers=2)
again = rs.evaluate(network, loader, ("clean", "cifar-c"), normalise="imagenet", name="mine")
attacked = rs.attack(network.eval(), images, labels, "pgd3-linf@2/255", normalise="imagenet")
foggy = rs.corrupt(images, "fog", 3)
mix, optimiser = rs.Mix("cutmix", classes=10), torch.optim.SGD(network.parameters(), lr=0.01)
network.train()
for batch, targets in loader:
    batch, targets = mix(batch / 255, targets)
    loss = torch.nn.functional.cross_entropy(network(batch), targets)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
"""


def counted(results: rs.Results) -> pd.DataFrame:
    return results.frame[COUNTS].sort_values("condition", ignore_index=True)


def test_a_script_of_25_lines_measures_attacks_corrupts_and_trains_with_the_numbers_of_the_commands(
    tmp_path, monkeypatch
):
    assert len(SCRIPT.strip().splitlines()) <= 25
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    weights = torchvision.models.resnet18(num_classes=10).state_dict()
    torch.manual_seed(0)
    scope: dict[str, object] = {}
    exec(SCRIPT, scope)
    table, results, again = scope["table"], scope["results"], scope["again"]
    assert len(table) == 1
    assert Path("errors.png").stat().st_size > 10_000
    assert counted(results).equals(counted(again))
    assert len(results.frame) == 76
    assert scope["foggy"].dtype == torch.uint8
    assert float((scope["attacked"].images - scope["images"] / 255).abs().max()) <= 2 / 255 + 1e-6
    assert scope["targets"].shape == (5, 10)
    assert torch.isfinite(scope["loss"])
    images = scope["images"].permute(0, 2, 3, 1).numpy()
    np.savez("images.npz", images=images, labels=scope["labels"].numpy())
    torch.save(weights, "mine.pth")
    checkpoint = ["--checkpoint", "mine.pth,arch=torchvision:resnet18,norm=imagenet,classes=10"]
    suites = ["--suite", "clean", "--suite", "cifar-c"]
    monkeypatch.setattr(sys, "argv", ["robustsweep", "sweep", *checkpoint, "--data", "npz:images.npz", *suites])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert counted(rs.Results("runs/sweep")).equals(counted(results))


@pytest.mark.filterwarnings("ignore")  # what the library says of its own fingerprints
def test_a_data_set_of_hugging_face_gives_the_same_numbers():
    datasets = pytest.importorskip("datasets", reason="datasets is not installed", exc_type=ImportError)
    images, labels = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8).numpy(), np.arange(8) % 4
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(num_classes=4)})
    pictures = [Image.fromarray(image) for image in images]
    table = datasets.Dataset.from_dict({"img": pictures, "label": labels.tolist()}, features=features)
    network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 4))
    mine, theirs = (rs.evaluate(network, data, ("clean", "fog")) for data in (table, (images, labels)))
    assert counted(mine).equals(counted(theirs))
