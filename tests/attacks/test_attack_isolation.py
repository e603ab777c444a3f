"""What an attack of another library does to a model or to the global generators is told, or undone."""

import random

import numpy as np
import pytest
import torch
from foreign_models import check_same, run, state

from robustsweep.attacks import parse_foreign
from robustsweep.attacks.adapters.batch import Batch
from robustsweep.errors import AttackError


def spoil_mode(model):
    model.norm.train()


def spoil_mode_of_a_module_without_effect(model):
    model.inactive.eval()


def spoil_buffer(model):
    model.norm.running_mean += 1


def replace_buffer(model):
    model.norm.running_var = model.norm.running_var * 2


def spoil_parameter(model):
    model.head.outer.data[0, 0] += 1e-6


def spoil_gradient(model):
    model.head.inner.grad *= 2


def make_gradient(model):
    model.norm.weight.grad = torch.ones(3)


def drop_gradient(model):
    model.head.inner.grad = None


SPOILS = {
    spoil_mode: "the mode of norm",
    spoil_mode_of_a_module_without_effect: "the mode of inactive",
    spoil_buffer: "buffer norm.running_mean",
    replace_buffer: "buffer norm.running_var",
    spoil_parameter: "parameter head.outer",
    spoil_gradient: "the gradient of head.inner",
    make_gradient: "the gradient of norm.weight",
    drop_gradient: "the gradient of head.inner",
}


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_changing_the_model_is_an_error_and_is_undone(plant, task, spoil):
    model = task[0]

    def adapter(batch: Batch):
        spoil(model)
        return batch.images, ()

    plant(adapter)
    before = state(model)
    with pytest.raises(AttackError, match=f"^torchattacks:PGD@8/255 changed the model: {SPOILS[spoil]}"):
        run(*task)
    after = state(model)
    check_same(before | {"gradients": []}, after | {"gradients": []})
    for old, new in zip(before["gradients"], after["gradients"], strict=True):
        assert (old is None) == (new is None)
        assert old is None or torch.equal(old[1], new[1])


def test_what_a_library_does_to_the_whole_model_does_not_reach_it(plant, task):
    model = task[0]

    def adapter(batch: Batch):
        batch.model.eval()
        batch.model.train()
        leaf = batch.images.clone().requires_grad_()
        batch.model(leaf).sum().backward()
        assert not any(parameter.requires_grad for parameter in batch.model.parameters())
        return batch.images, ()

    plant(adapter)
    before = state(model)
    run(*task)
    check_same(before, state(model))


def test_draws_belong_to_seed_attack_and_batch_and_the_global_generators_stay(plant, task):
    model, images, labels, ids = task

    def drawing(batch: Batch):
        noise = torch.rand(batch.images.shape) + float(np.random.rand()) + random.random()  # noqa: NPY002
        return (batch.images + batch.eps * (noise - 1.5) / 1.5).clamp(0, 1), ()

    plant(drawing)
    states = (random.getstate(), np.random.get_state(), torch.get_rng_state())  # noqa: NPY002
    first = run(*task, keep_images=True).images
    random.random(), np.random.rand(), torch.rand(3)  # noqa: NPY002
    assert torch.equal(first, run(*task, keep_images=True).images)
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])
    run(*task)
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1][1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    right = model(images).argmax(1) == labels
    for options in ({"seed": 1}, {"spec": parse_foreign("torchattacks:BIM@8/255")}):
        assert not torch.equal(first[right], run(*task, keep_images=True, **options).images[right])
    other = run(model, images, labels, ids + 1, keep_images=True).images
    assert not torch.equal(first[right], other[right])


def test_a_failing_library_is_an_error_naming_the_attack_and_leaves_the_model(plant, task):
    model = task[0]

    def adapter(batch: Batch):
        spoil_buffer(model)
        raise IndexError("planted")

    plant(adapter)
    before = state(model)
    with pytest.raises(AttackError, match=r"torchattacks:PGD@8/255 failed inside torchattacks \(IndexError\('planted'"):
        run(*task)
    check_same(before, state(model))
