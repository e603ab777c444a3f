"""Attacks on a network in memory: the engine's verdicts, one result per eps."""

import pytest
import torch
from live_networks import SmallNet
from torch import nn

from robustsweep import attack
from robustsweep.attacks import run_attack
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.errors import DataError, UsageError

NAMES = ("pgd5-linf", "fgsm-linf", "pgd5-l2:start=clean", "apgd-t5-linf")


class OneByOne(nn.Module):
    """Shows a network each image alone, so that its logits are the same to the last bit in any batch."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.network(image) for image in images.split(1)])


@pytest.fixture
def network() -> nn.Module:
    return OneByOne(SmallNet(gain=4.0)).eval()


@pytest.fixture
def shown(network: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(24, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        labels = network(images).argmax(1)
    labels[::6] = (labels[::6] + 1) % 10
    return images, labels


def test_one_eps_gives_the_verdicts_and_images_of_the_engine(network, shown):
    result = attack(network, *shown, "pgd5-linf@4/255", seed=3)
    wanted = run_attack(network, *shown, "pgd5-linf@4/255", seed=3, ids=torch.arange(24), keep_images=True)
    assert torch.equal(result.images, wanted.images)
    assert torch.equal(result.is_correct, wanted.eps_level == 1)
    assert result.accuracy == float((wanted.eps_level == 1).sum()) / 24
    assert torch.equal(result.predictions == shown[1], result.is_correct)
    with torch.no_grad():
        assert torch.equal(network(result.images).argmax(1), result.predictions)
    assert (result.name, result.eps) == ("pgd5-linf@4/255", "4/255")
    assert 0 < result.accuracy < 20 / 24


def test_several_eps_are_the_ladder_of_a_sweep_each_with_images_inside_its_budget(network, shown):
    ladder = ["1/255", "2/255", "8/255"]
    results = attack(network, *shown, "pgd5-linf", eps=ladder)
    whole = run_attack(network, *shown, "pgd5-linf@1/255,2/255,8/255", seed=0, ids=torch.arange(24))
    for k, (eps, result) in enumerate(zip(ladder, results, strict=True)):
        assert result.eps == eps
        assert torch.equal(result.is_correct, whole.eps_level > k)
        numerator = int(eps.partition("/")[0])
        assert float((result.images - shown[0]).abs().max()) <= numerator / 255 + 1e-6
        with torch.no_grad():
            assert torch.equal(network(result.images).argmax(1), result.predictions)
    accuracies = [result.accuracy for result in results]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(set(accuracies)) > 1


class Waves(nn.Module):
    """Two classes, that turn with the brightness: half a turn for each level."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        turns = 255 * (images.flatten(1).mean(1) - 0.5) + 0.2
        return torch.stack([torch.cos(torch.pi * turns), torch.zeros_like(turns)], dim=1)


def test_what_a_small_eps_has_fooled_stays_fooled_though_a_larger_one_alone_would_step_over_it():
    images, labels = torch.full((2, 3, 8, 8), 0.5), torch.zeros(2, dtype=torch.int64)
    alone = attack(Waves().eval(), images, labels, "pgd1-linf@16/255:start=clean")
    assert alone.accuracy == 1.0
    small, large = attack(Waves().eval(), images, labels, "pgd1-linf:start=clean", eps=["4/255", "16/255"])
    assert (small.accuracy, large.accuracy) == (0.0, 0.0)
    assert torch.equal(large.images, small.images)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_eps_is_that_of_the_results_and_changes_none(network, shown, name):
    forwards = attack(network, *shown, name, eps=["1/255", 0.25])
    backwards = attack(network, *shown, name, eps=[0.25, "1/255"])
    for one, other in zip(forwards, reversed(backwards), strict=True):
        assert (one.name, one.eps) == (other.name, other.eps)
        assert torch.equal(one.images, other.images)
    alone = attack(network, *shown, forwards[0].name)
    assert torch.equal(alone.images, forwards[0].images)


def test_nothing_is_left_to_attack_where_a_small_eps_fools_all(network, shown):
    results = attack(network, *shown, "pgd20-linf", eps=["64/255", "128/255"])
    assert [result.accuracy for result in results] == [0.0, 0.0]
    assert torch.equal(results[0].images, results[1].images)
    assert results[1].eps == "128/255"


def test_a_normalisation_is_put_before_the_network_and_the_network_stays_as_it_is(shown):
    network = SmallNet(gain=4.0).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    constants = NORMALISATIONS["cifar10"]
    wanted = attack(Normalised(network, constants).eval(), *shown, "fgsm-linf@4/255")
    for normalise in ("cifar10", constants, (constants.mean, constants.std), str(constants)):
        assert torch.equal(attack(network, *shown, "fgsm-linf@4/255", normalise=normalise).images, wanted.images)
    assert not network.training
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_bytes_and_lists_of_labels_are_taken(network, shown):
    images = (shown[0] * 255).round().to(torch.uint8)
    found = attack(network, images, shown[1].tolist(), "fgsm-linf@1/255")
    assert torch.equal(found.images, attack(network, images / 255, shown[1].int(), "fgsm-linf@1/255").images)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("pdg10-linf@8/255",), {}, "Unknown attack 'pdg'; did you mean 'pgd'"),
        (("pgd10-linf",), {}, "cannot be read; write RULE"),
        (("pgd10-linf@1/255,2/255",), {}, r"has 2 eps; write attack\(..., 'pgd10-linf', eps=\[...\]\)"),
        (("pgd10-linf@1/255",), {"eps": ["2/255"]}, "has an eps, and eps= gives others; write 'pgd10-linf'"),
        (("pgd10-linf",), {"eps": "2/255"}, "eps must be a list of budgets"),
        (("pgd10-linf",), {"eps": []}, "eps must be a list of budgets"),
        (("pgd10-linf",), {"eps": ["0"]}, "budget above zero"),
        (("pgd10-linf@8",), {}, "exceeds the pixel range"),
        (("fgsm-linf@1/255",), {"normalise": "imagenett"}, "did you mean 'imagenet'"),
        (("fgsm-linf@1/255",), {"normalise": ((0.5,), (0.5,))}, "normalise must be one of none, half"),
    ],
)
def test_wrong_arguments_get_the_sentences_of_the_command_line(network, shown, arguments, options, sentence):
    with pytest.raises(UsageError, match=sentence):
        attack(network, *shown, *arguments, **options)


def test_a_network_in_training_mode_and_images_beyond_the_range_are_refused(network, shown):
    with pytest.raises(UsageError, match="training mode; call model.eval"):
        attack(network.train(), *shown, "fgsm-linf@1/255")
    with pytest.raises(DataError, match="must lie in .0, 1."):
        attack(network.eval(), shown[0] * 3, shown[1], "fgsm-linf@1/255")
    with pytest.raises(UsageError, match="must be a torch.nn.Module"):
        attack("net.pth", *shown, "fgsm-linf@1/255")
