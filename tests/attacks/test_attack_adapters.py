"""The judge of other libraries' attacks, with attacks that break each of its rules."""

import pytest
import torch
from foreign_models import CW, PGD, run

from robustsweep.attacks import parse_foreign
from robustsweep.attacks.adapters import foreign
from robustsweep.attacks.adapters import verdicts as judging
from robustsweep.attacks.adapters.batch import Batch
from robustsweep.errors import AttackError, MissingDependencyError, UsageError


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
    assert (outcome.eps_level == -1).tolist() == (~right).tolist()
    answers = model(outcome.images)
    assert torch.equal(outcome.logits, answers)
    assert torch.equal(outcome.eps_level == 1, (answers.argmax(1) == labels) & right)
    assert torch.equal(outcome.images[~right], images[~right])
    assert torch.equal(outcome.step, torch.where(outcome.eps_level == 0, 0, -1).to(torch.int16))
    assert torch.equal(outcome.restart, outcome.step)
    assert (outcome.eps_level.dtype, outcome.step.dtype) == (torch.int8, torch.int16)
    assert (outcome.l2, outcome.linf) == (None, None)
    assert 0 < int((outcome.eps_level == 0).sum()) < int(right.sum())


def test_distances_are_kept_where_there_is_no_budget(plant, task):
    _, images, _, _ = task
    plant(lambda batch: ((batch.images + 0.3).clamp(0, 1), ()))
    outcome = run(*task, spec=CW, keep_images=True)
    moved = (outcome.images - images).flatten(1)
    assert torch.allclose(outcome.l2, moved.norm(dim=1))
    assert torch.allclose(outcome.linf, moved.abs().amax(1))
    assert (outcome.l2[outcome.eps_level == -1] == 0).all()
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
    sizes.clear()
    assert torch.equal(run(*task, keep_first=20).images, whole[:20])
    assert sizes == [14, 14, 8]


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
    assert outcome.eps_level.tolist() == [-1] * len(images)


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
