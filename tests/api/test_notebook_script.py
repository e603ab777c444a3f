"""What a notebook's user writes, in at most 25 lines: a network in memory from clean images to CutMix."""

from pathlib import Path

import torch

SCRIPT = """
import torch, torchvision
import robustsweep as rs
images = torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8)
labels = torch.arange(12) % 10
network = torchvision.models.resnet18(num_classes=10)
results = rs.evaluate(network, (images, labels), ("clean", "cifar-c"), normalise="imagenet", name="mine")
table = results.table("headline")
axes = results.plot("error_per_corruption")
axes.figure.savefig("errors.png")
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=6, num_workers=2)
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


def test_a_script_of_25_lines_measures_attacks_corrupts_and_trains(tmp_path, monkeypatch):
    assert len(SCRIPT.strip().splitlines()) <= 25
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    scope: dict[str, object] = {}
    exec(SCRIPT, scope)
    table, results, again = scope["table"], scope["results"], scope["again"]
    assert len(table) == 1
    assert Path("errors.png").stat().st_size > 10_000
    assert results.frame["n_right"].equals(again.frame["n_right"])
    assert len(results.frame) == 76
    assert scope["foggy"].dtype == torch.uint8
    assert float((scope["attacked"].images - scope["images"] / 255).abs().max()) <= 2 / 255 + 1e-6
    assert scope["targets"].shape == (6, 10)
    assert torch.isfinite(scope["loss"])
