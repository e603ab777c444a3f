"""What attacks cost is counted by the engine, stored in the cell, and shown beside robust accuracy."""

import torch

from robustsweep.api.evaluate import evaluate


def test_passes_are_stored_and_shown():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 10)).eval()
    images = torch.rand(12, 3, 32, 32)
    with torch.no_grad():
        labels = network(images).argmax(1)
    labels[0] = (labels[0] + 1) % 10
    results = evaluate(network, (images, labels), suites=("pgd3-linf@1/255,4/255", "fmn5-linf@1/255,4/255"))
    table = results.table("attack_passes").set_index("attack")
    # The clean image, five steps with a gradient each, and the last iterate, of eleven images.
    assert int(table.loc["fmn5-linf", "median"]) == 1 + 2 * 5 + 1
    assert int(table.loc["fmn5-linf", "total"]) == 11 * 12
    assert 1 + 2 * 2 <= int(table.loc["pgd3-linf", "median"]) <= 1 + 2 * 7
