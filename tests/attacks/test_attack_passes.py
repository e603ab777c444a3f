"""Passes are counted as they are made: hooks on the network count the images of every pass."""

import pytest
import torch
from torch import nn

from robustsweep.attacks import run_attack

NAMES = [
    "fgsm-linf@4/255",
    "pgd10x3-linf@1/255,4/255,12/255",
    "apgd-t10-linf@4/255",
    "mifgsm5-linf@4/255",
    "fmn20-linf@4/255",
    "ddn20-l2@0.25",
    "nearest-pgd10-linf@4/255",
    "pgd5-linf@4/255:protocol=torchattacks",
]


class Counted(torch.nn.Module):
    """A network whose passes are counted, in images."""

    def __init__(self, network):
        super().__init__()
        self.network, self.forwards, self.backwards = network, 0, 0

    def forward(self, images):
        self.forwards += len(images)
        logits = self.network(images)
        if logits.requires_grad:
            logits.register_hook(self._count_backward)
        return logits

    def _count_backward(self, gradient):
        self.backwards += len(gradient)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_what_hooks_see(net, images, labels, ids, name):
    counted = Counted(net).eval()
    outcome = run_attack(counted, images, labels, name, seed=0, ids=ids, batch_size=8, search="as-is")
    assert int(outcome.forward_passes.sum()) == counted.forwards
    assert int(outcome.backward_passes.sum()) == counted.backwards


def test_a_fooled_image_costs_no_more_passes(net, images, labels, ids):
    outcome = run_attack(net, images, labels, "pgd10-linf@1/255,12/255", seed=0, ids=ids, batch_size=1)
    wrong, stood = outcome.eps_level == -1, outcome.eps_level == 2
    assert outcome.forward_passes[wrong].tolist() == [1] * int(wrong.sum())
    # The clean image, then ten iterates and the last one's verdict at each eps.
    assert outcome.forward_passes[stood].unique().tolist() == [1 + 2 * 11]
    assert outcome.backward_passes[stood].unique().tolist() == [20]
    fell = (outcome.eps_level >= 0) & ~stood
    assert bool((outcome.forward_passes[fell] < 23).all())


def test_an_image_that_is_sure_to_fall_is_judged_without_a_look_of_the_copy(generator):
    images = torch.rand(60, 3, 8, 8, generator=generator)
    straight = nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten()).eval()
    with torch.no_grad():
        weight = torch.randn(3, 8, 8, generator=generator)
        straight[0].weight.copy_(torch.stack([weight, -weight]))
        straight[0].bias.copy_(torch.stack([-weight.sum() / 2, weight.sum() / 2]))
        labels = straight(images).argmax(1)
    outcome = run_attack(straight, images, labels, "pgd10-linf@12/255", seed=0, ids=torch.arange(60), batch_size=60)
    fell = (outcome.eps_level == 0) & (outcome.step > 0)
    # Of a straight network the forecast is exact: the clean image, each iterate before the last, and its verdict.
    assert torch.equal(outcome.forward_passes[fell], outcome.step[fell].int() + 2)
    assert len(outcome.step[fell].unique()) > 3
