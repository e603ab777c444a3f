"""A network with everything that an attack of another library could disturb, and ways to look at it."""

import torch
from small_models import RowwiseNet
from torch import Tensor, nn

from robustsweep.attacks import parse_foreign, run_foreign

PGD = parse_foreign("torchattacks:PGD@8/255")


CW = parse_foreign("torchattacks:CW")


class Normed(nn.Module):
    """A network with everything that an attack could disturb: buffers, modes, gradients, frozen parameters."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.head = RowwiseNet(48, 4, 24, generator)
        self.drop = nn.Dropout(0.5)
        self.inactive = nn.Linear(2, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.drop(self.head(self.norm(images)))


def state(model):
    """Everything about a model, as comparable values."""
    return {
        "tensors": {name: tensor.clone() for name, tensor in [*model.named_parameters(), *model.named_buffers()]},
        "objects": [id(tensor) for tensor in [*model.parameters(), *model.buffers()]],
        "modes": [module.training for module in model.modules()],
        "flags": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [None if p.grad is None else (id(p.grad), p.grad.clone()) for p in model.parameters()],
    }


def check_same(before, after):
    for name in ("objects", "modes", "flags"):
        assert before[name] == after[name]
    for name, tensor in before["tensors"].items():
        assert torch.equal(tensor, after["tensors"][name]), name
    for left, right in zip(before["gradients"], after["gradients"], strict=True):
        assert (left is None) == (right is None)
        if left is not None:
            assert left[0] == right[0]
            assert torch.equal(left[1], right[1])


def run(model, images, labels, ids, spec=PGD, **options):
    return run_foreign(model, images, labels, spec, seed=options.pop("seed", 0), ids=ids, **options)
