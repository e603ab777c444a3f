"""The judge of other libraries' attacks, with attacks that break each of its rules."""

import random

import numpy as np
import pytest
import torch
from small_models import RowwiseNet
from torch import Tensor, nn

from robustsweep.attacks import Foreign, parse_foreign, run_foreign
from robustsweep.attacks.adapters import foreign, judging
from robustsweep.attacks.adapters.batch import Batch
from robustsweep.attacks.adapters.foreign import FAMILIES, Family
from robustsweep.errors import AttackError, MissingDependencyError, UsageError

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


@pytest.fixture
def model(generator):
    model = Normed(generator).eval()
    model.inactive.train()
    model.head.outer.requires_grad_(False)
    model.head.inner.grad = torch.full_like(model.head.inner, 0.25)
    return model


@pytest.fixture
def plant(monkeypatch):
    """Put another adapter in the place of torchattacks'."""

    def put(adapter):
        monkeypatch.setitem(FAMILIES, "torchattacks", Family("torchattacks", "torchattacks", adapter))

    return put


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


@pytest.fixture
def task(model, images, ids):
    labels = model(images).argmax(1)
    labels[::10] = (labels[::10] + 1) % 4
    return model, images, labels, ids


def test_the_verdict_is_the_models_own_on_what_came_back(plant, task):
    model, images, labels, ids = task
    seen = []

    def every_second(batch: Batch):
        seen.append(batch)
        moved = batch.images.clone()
        moved[::2] = (moved[::2] - 8 / 255).clamp(0, 1)
        return moved, ()

    plant(every_second)
    outcome = run(*task, keep_images=True)
    (batch,) = seen
    right = model(images).argmax(1) == labels
    assert torch.equal(batch.images, images[right])  # clean mistakes are not attacked
    assert (batch.classes, batch.norm, batch.eps, batch.attack) == (4, "linf", 8 / 255, "PGD")
    assert (outcome.rung == -1).tolist() == (~right).tolist()
    answers = model(outcome.images)
    assert torch.equal(outcome.logits, answers)
    assert torch.equal(outcome.rung == 1, (answers.argmax(1) == labels) & right)
    assert torch.equal(outcome.images[~right], images[~right])
    assert torch.equal(outcome.step, torch.where(outcome.rung == 0, 0, -1).to(torch.int16))
    assert torch.equal(outcome.restart, outcome.step)
    assert (outcome.rung.dtype, outcome.step.dtype, outcome.l2, outcome.linf) == (torch.int8, torch.int16, None, None)
    assert 0 < int((outcome.rung == 0).sum()) < int(right.sum())


def test_distances_are_kept_where_there_is_no_budget(plant, task):
    _, images, _, _ = task
    plant(lambda batch: ((batch.images + 0.3).clamp(0, 1), ()))
    outcome = run(*task, spec=CW, keep_images=True)
    moved = (outcome.images - images).flatten(1)
    assert torch.allclose(outcome.l2, moved.norm(dim=1))
    assert torch.allclose(outcome.linf, moved.abs().amax(1))
    assert (outcome.l2[outcome.rung == -1] == 0).all()
    assert float(outcome.linf.max()) > 0.29


@pytest.mark.parametrize(("norm", "eps"), [("linf", "8/255"), ("l2", "0.5")])
def test_leaving_the_budget_is_an_error_and_rounding_is_clipped(plant, task, norm, eps):
    spec = parse_foreign(f"torchattacks:{'PGD' if norm == 'linf' else 'PGDL2'}@{eps}")
    _, images, _, _ = task

    def stretched(excess):
        def adapter(batch: Batch):
            toward = torch.where(batch.images > 0.5, -1.0, 1.0)
            toward /= 1 if norm == "linf" else toward[0].norm()
            return batch.images + (batch.eps + excess) * toward, ()

        return adapter

    plant(stretched(5e-6))
    with pytest.raises(AttackError, match=f"^{spec.name} left its budget: the largest {norm} distance"):
        run(*task, spec=spec)
    plant(stretched(6e-7))
    moved = (run(*task, spec=spec, keep_images=True).images - images).flatten(1)
    length = moved.abs().amax(1) if norm == "linf" else moved.double().norm(dim=1)
    assert float(length.max()) <= float(spec.eps) + 1e-7


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda batch: batch.images * float("nan"), "not finite .* in 36 images"),
        (lambda batch: batch.images / 0, "not finite"),
        (lambda batch: batch.images - 2e-6, r"left the box \[0, 1\]"),
        (lambda batch: batch.images[1:], r"should return images \(36, 3, 4, 4\), it returned \(35, 3, 4, 4\)"),
        (lambda _: None, "it returned NoneType"),
    ],
)
def test_images_that_are_none_are_an_error_naming_the_attack(plant, task, answer, sentence):
    plant(lambda batch: (answer(batch), ()))
    for spec in (PGD, CW):
        with pytest.raises(AttackError, match=f"^{spec.name} .*{sentence}"):
            run(*task, spec=spec)


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


def test_batches_of_the_fixed_size_are_attacked_each_on_its_own(plant, task, monkeypatch):
    model, images, labels, ids = task
    monkeypatch.setattr(judging, "BATCH_SIZE", 16)
    sizes = []

    def drawing(batch: Batch):
        sizes.append(len(batch.images))
        return (batch.images + batch.eps * (2 * torch.rand_like(batch.images) - 1)).clamp(0, 1), ()

    plant(drawing)
    whole = run(*task, keep_images=True).images
    assert sizes == [14, 14, 8]  # 40 images, four of which are wrong before
    for start in (0, 16, 32):
        rows = slice(start, start + 16)
        part = run(model, images[rows], labels[rows], ids[rows], keep_images=True).images
        assert torch.equal(whole[rows], part)


def test_what_a_library_warns_of_is_told_once_with_its_batches(plant, task, monkeypatch):
    monkeypatch.setattr(judging, "BATCH_SIZE", 16)
    n = iter((2, 31, 4))
    plant(lambda batch: (batch.images, (f"there are {next(n)} points with zero gradient!",)))
    assert run(*task).warnings == (
        "torchattacks:PGD@8/255 warns in 3 of 3 batches: there are some points with zero gradient!",
    )


def test_images_that_are_all_wrong_before_are_not_attacked(plant, task):
    model, images, labels, ids = task

    def refuse(batch: Batch):
        raise AssertionError("called")

    plant(refuse)
    outcome = run(model, images, (model(images).argmax(1) + 1) % 4, ids)
    assert outcome.rung.tolist() == [-1] * len(images)


def test_a_model_in_training_mode_is_refused(task):
    model = task[0]
    model.drop.train()
    with pytest.raises(UsageError, match="'drop' .* is in training mode"):
        run(*task)


@pytest.mark.parametrize("name", ["torchattacks:PGD@8/255", "autoattack-linf@8/255"])
def test_an_absent_library_is_one_sentence_naming_the_extra(task, monkeypatch, name):
    spec = parse_foreign(name)
    extra = name.partition(":")[0].partition("-")[0]

    def absent(package):
        raise foreign.PackageNotFoundError(package)

    def unimportable(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(foreign, "version", absent)
    monkeypatch.setattr("importlib.import_module", unimportable)
    for use in (spec.identity, lambda: run(*task, spec=spec)):
        with pytest.raises(MissingDependencyError, match=rf"is not installed; .*'robustsweep\[{extra}\]'"):
            use()


NAMES = (
    "torchattacks:PGD@8/255", "torchattacks:PGDL2@0.5", "torchattacks:CW", "torchattacks:APGD@8/255",
    "torchattacks:APGD-l2@0.5", "autoattack-linf@8/255", "autoattack-l2@0.5", "torchattacks:Jitter@1/2/255",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_round_trip(name):
    assert parse_foreign(name).name == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("torchattacks:PDG@8/255", "Unknown attack of torchattacks 'PDG'; did you mean 'PGD'"),
        ("torchattacks:MultiAttack", "Unknown attack of torchattacks 'MultiAttack'"),
        ("torchattacks:PGD", "torchattacks:PGD needs a budget; write it like torchattacks:PGD@8/255"),
        ("torchattacks:CW@8/255", "torchattacks:CW has no budget; leave @EPS out"),
        ("torchattacks:PGD-l2@0.5", "torchattacks:PGD is defined for linf, not for l2"),
        ("torchattacks:PGD@8", "write 8/255, not 8"),
        ("torchattacks:PGD@0", "eps '0' is zero"),
        ("torchattacks:PGD@8/255,16/255", "cannot be read"),
        ("torchattacks:", "cannot be read"),
        ("autoattack-l1@8", "autoattack is defined for linf and l2, not for l1"),
        ("autoattack-linf", "cannot be read"),
    ],
)
def test_names_that_make_no_attack_are_refused(name, sentence):
    with pytest.raises(UsageError, match=sentence):
        parse_foreign(name)


def test_a_spec_of_an_unknown_family_is_refused():
    with pytest.raises(UsageError, match="Unknown family of attacks 'foolbox'"):
        Foreign("foolbox", "PGD", "linf", None)
