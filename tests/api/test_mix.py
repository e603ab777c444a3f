"""Mixing in somebody's training loop."""

import copy

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset, default_collate

from robustsweep import Mix
from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.combination import augments_alone
from robustsweep.augmentations.network_method import NetworkMethod
from robustsweep.draws import Draws
from robustsweep.errors import DataError, UsageError

NEEDING_THE_NETWORK = [name for name in METHODS if issubclass(METHODS[name], NetworkMethod)]
ALONE = [name for name in METHODS if augments_alone(build_method(name))]


def batch(n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, 32, 32, generator=generator), torch.arange(n) % 5


@pytest.mark.parametrize("name", ALONE)
def test_a_batch_is_what_the_method_makes_of_it_and_the_arguments_stay(name):
    images, labels = batch()
    before = images.clone()
    mixed, targets = Mix(name, classes=5, seed=3)(images, labels)
    method = build_method(name)
    sample = method.sample(Draws(3, f"mix/{name}/loop/0", torch.arange(8)))
    wanted = method.apply(images, torch.eye(5)[labels], sample)
    assert torch.equal(mixed, wanted[0])
    assert torch.equal(targets, wanted[1])
    assert torch.allclose(targets.sum(1), torch.ones(8))
    assert torch.equal(images, before)
    assert torch.equal(labels, torch.arange(8) % 5)


def test_every_call_draws_anew_and_a_seed_repeats_them_all():
    images, labels = batch()
    mix, again, other = (Mix("cutmix", classes=5, seed=seed) for seed in (0, 0, 1))
    first, second = mix(images, labels)[0], mix(images, labels)[0]
    assert not torch.equal(first, second)
    assert torch.equal(again(images, labels)[0], first)
    assert not torch.equal(other(images, labels)[0], first)
    resumed = Mix("cutmix", classes=5)
    resumed.calls = 1
    assert torch.equal(resumed(images, labels)[0], second)
    assert torch.equal(copy.deepcopy(again)(images, labels)[0], second)


def test_no_global_generator_is_read():
    state = torch.get_rng_state()
    Mix("fmix", classes=5)(*batch())
    assert torch.equal(torch.get_rng_state(), state)


def test_soft_labels_keep_their_dtype_and_are_mixed_like_hard_ones():
    images, labels = batch()
    soft = torch.eye(5, dtype=torch.float64)[labels]
    _, targets = Mix("mixup", classes=5)(images, soft)
    assert targets.dtype == torch.float64
    assert torch.allclose(targets.float(), Mix("mixup", classes=5)(images, labels)[1])


def test_workers_that_collate_draw_differently_and_in_every_epoch():
    images, labels = batch()
    same = TensorDataset(images[:1].expand(16, -1, -1, -1).clone(), torch.arange(16) % 5)
    mix = Mix("mixup", classes=5)

    def epoch() -> list[torch.Tensor]:
        loader = DataLoader(same, batch_size=8, num_workers=2, collate_fn=Collated(mix))
        return [targets for _, targets in loader]

    torch.manual_seed(0)
    first, second = epoch(), epoch()
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])
    torch.manual_seed(0)
    assert all(torch.equal(one, other) for one, other in zip(first, epoch(), strict=True))


class Collated:
    def __init__(self, mix: Mix) -> None:
        self.mix = mix

    def __call__(self, items: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
        return self.mix(*default_collate(items))


@pytest.mark.gpu
def test_a_gpu_gets_the_batches_of_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images, labels = batch()
    found = Mix("cutmix", classes=5)(images.cuda(), labels.cuda())
    wanted = Mix("cutmix", classes=5)(images, labels)
    assert all(one.is_cuda and torch.equal(one.cpu(), other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", NEEDING_THE_NETWORK)
def test_methods_that_look_at_the_network_say_so(name):
    with pytest.raises(UsageError, match=f"{name} needs the network that it trains.*robustsweep train --method {name}"):
        Mix(name, classes=5)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in (*ALONE, *NEEDING_THE_NETWORK)])
def test_methods_that_change_single_images_say_so(name):
    with pytest.raises(UsageError, match=f"{name} changes single images before they are normalised"):
        Mix(name, classes=5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Mix("cutmi", classes=5), "Unknown method 'cutmi'; did you mean 'cutmix'"),
        (lambda: Mix("cutmix", classes=0), "classes must be 1 or more, got 0"),
        (lambda: Mix("cutmix", classes=2.5), "classes must be a whole number, got 2.5"),
        (lambda: Mix("cutmix", classes=5, alhpa=1.0), "did you mean 'alpha'"),
        (lambda: Mix("mixup", classes=5, alpha=-1.0), "alpha must be positive, got -1.0"),
    ],
)
def test_wrong_arguments_get_the_sentences_of_the_command_line(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]), "floating point .*; normalise them first"),
        (torch.zeros(3, 8, 8), torch.tensor([0]), r"got torch.float32 \(3, 8, 8\)"),
        (torch.zeros(2, 3, 8, 8), torch.tensor([0, 5]), "from 0 to 4, as classes=5; they go from 0 to 5"),
        (torch.zeros(2, 3, 8, 8), torch.tensor([0]), r"whole numbers \(2,\), or probabilities \(2, 5\)"),
        (torch.zeros(2, 3, 8, 8), [0, 1], "Labels must be a tensor"),
    ],
)
def test_batches_that_do_not_fit_are_refused(images, labels, sentence):
    with pytest.raises(DataError, match=sentence):
        Mix("cutmix", classes=5)(images, labels)


def test_it_says_what_it_is():
    assert repr(Mix("cutmix", classes=5)).startswith("Mix('cutmix', classes=5, seed=0")
