"""Every sweep looks at its checkpoints; what is broken is named in the cells, and what is whole is left alone."""

import re
from pathlib import Path

import pytest
import torch
from audited_networks import BROKEN, NORM, architecture, checkpoint, digits, healthy, trained
from tiny_sweeps import Ledger, cells, official_set, swept, tiny_checkpoint, tiny_data, tiny_plan
from torch import nn

from robustsweep.attacks.audits.answers import answer_findings, changed, looks_like_probabilities
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS, Normalised
from robustsweep.benchmark.sweep.first_look import inspect, spread
from robustsweep.benchmark.sweep.input_statistics import input_misfit
from robustsweep.results.stored.store import CellStore

CONDITIONS = ("clean", "contrast@1", "fgsm-linf@2/255")


def warnings_of(tmp_path: Path, name: str) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Sweep one checkpoint; return what was told and what the cells store."""
    build = BROKEN.get(name, healthy)
    plan = tiny_plan(*CONDITIONS, data=digits(), checkpoints=[checkpoint(name, build)], limit=100)
    ledger = Ledger()
    swept(plan, tmp_path, ledger).raise_if_failed()
    return ledger.sentences, {condition: cell.warnings for condition, cell in cells(tmp_path).items()}


def test_a_healthy_network_raises_no_warning(tmp_path: Path) -> None:
    told, stored = warnings_of(tmp_path, "healthy")
    assert told == []
    assert stored == dict.fromkeys(CONDITIONS, ())
    assert cells(tmp_path)["clean"].counts.n_right >= 90


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("twice", "probably normalised twice: the network does it itself. Check norm=; none is likely right"),
        ("never", "probably not normalised at all. Check norm=; "),
        ("softmax", "looks like probabilities, not logits"),
        ("noisy", "the model is random at inference.*expectation over transformations"),
        ("neighbours", "the output depends on what else is in the batch"),
    ],
)
def test_a_broken_network_is_named_once_and_in_every_cell(tmp_path: Path, name: str, said: str) -> None:
    told, stored = warnings_of(tmp_path, name)
    about = [sentence for sentence in told if sentence.startswith(f"{name}: ")]
    assert len(about) == 1
    for warnings in stored.values():
        assert warnings[0] == about[0].removeprefix(f"{name}: ")
        assert re.search(said, warnings[0])


def test_a_network_that_looks_whether_it_is_differentiated_is_named_in_attacks_alone(tmp_path: Path) -> None:
    told, stored = warnings_of(tmp_path, "watching")
    assert len([sentence for sentence in told if "eps 0" in sentence]) == 1
    assert [condition for condition, warnings in stored.items() if any("eps 0" in w for w in warnings)] == [
        "fgsm-linf@2/255"
    ]


def test_a_random_network_does_not_repeat_its_verdicts(tmp_path: Path) -> None:
    _, stored = warnings_of(tmp_path, "noisy")
    assert any("another prediction than in the verdict" in warning for warning in stored["fgsm-linf@2/255"])


def test_a_network_left_in_training_mode_fails_every_cell_and_keeps_its_statistics(tmp_path: Path) -> None:
    network = trained().train()
    remembered = {name: value.clone() for name, value in network.state_dict().items()}
    broken = checkpoint("training")
    object.__setattr__(broken, "load", lambda: network)
    summary = swept(tiny_plan(*CONDITIONS, data=digits(), checkpoints=[broken], limit=20), tmp_path)
    assert len(summary.failed) == 3
    assert all("Layer '1' (BatchNorm2d) is in training mode" in sentence for sentence in summary.failed)
    assert all(torch.equal(value, remembered[name]) for name, value in network.state_dict().items())


def test_official_images_say_nothing_about_the_normalisation(tmp_path: Path) -> None:
    data = official_set(digits(), clean=False)
    plan = tiny_plan("contrast@5", data=data, checkpoints=[checkpoint("twice", BROKEN["twice"])], limit=30)
    swept(plan, tmp_path).raise_if_failed()
    (cell,) = CellStore(tmp_path).cells()
    assert cell.warnings == ()


@pytest.mark.parametrize(
    ("names", "are_clean"),
    [
        (("window-hard-noise@0.375", "contrast@5"), True),
        (("contrast@5", "clean"), True),
        (("contrast@5", "fog@1"), False),  # clean images would be read for this alone
    ],
)
def test_clean_images_are_looked_at_where_they_are_wanted_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], are_clean: bool
) -> None:
    seen: list[tuple[torch.Tensor, bool]] = []

    def noting(module: nn.Module, images: torch.Tensor, *, are_clean: bool) -> tuple[str, ...]:
        seen.append((images, are_clean))
        return ()

    monkeypatch.setattr("robustsweep.benchmark.sweep.first_look.inspect", noting)
    plan = tiny_plan(*names, data=official_set(digits(), clean=True), checkpoints=[checkpoint("healthy")], limit=30)
    swept(plan, tmp_path).raise_if_failed()
    ((images, told),) = seen
    assert told == are_clean
    assert torch.equal(images, spread(plan.source.read_clean(plan.source.positions))) == are_clean


def test_each_checkpoint_is_looked_at_once_under_a_gradient_and_where_it_is_attacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []

    def counting(module: nn.Module, images: torch.Tensor) -> tuple[str, ...]:
        shown.append(len(images))
        return ()

    monkeypatch.setattr("robustsweep.benchmark.sweep.first_look.answers_otherwise_under_a_gradient", counting)
    monkeypatch.setattr("robustsweep.benchmark.plan.blocks.IMAGES_PER_BLOCK", 8)
    names = ("clean", "fgsm-linf@2/255", "fgm-l2@0.5", "pgd2-linf@1/255")
    for run, wanted in (("attacked", names), ("clean", names[:1])):
        plan = tiny_plan(*wanted, data=tiny_data(20), checkpoints=[tiny_checkpoint("a", 0), tiny_checkpoint("b", 1)])
        swept(plan, tmp_path / run, block_bytes=1, batch_size=5).raise_if_failed()
    assert shown == [5, 5]


def test_networks_without_a_memory_of_their_inputs_have_no_misfit() -> None:
    images = torch.rand(8, 3, 16, 16)
    others = {"none": images * 2}
    assert input_misfit(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), images, others) is None
    assert input_misfit(architecture().eval(), images, others) is None  # never trained
    stateless = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    assert input_misfit(stateless, images, others) is None


def test_the_misfit_is_the_divergence_of_two_normal_distributions() -> None:
    layer = nn.BatchNorm2d(3, eps=0.0).eval()
    layer.running_mean = torch.tensor([0.5, 0.0, 0.25])
    layer.running_var = torch.tensor([0.25, 4.0, 1.0])
    images = torch.rand(6, 3, 5, 5, dtype=torch.float64).float()
    flat = images.double().transpose(0, 1).flatten(1)
    remembered = torch.distributions.Normal(layer.running_mean.double(), layer.running_var.double().sqrt())
    seen = torch.distributions.Normal(flat.mean(1), flat.std(1, correction=0))
    expected = float(torch.distributions.kl_divergence(seen, remembered).median())
    misfit = input_misfit(nn.Sequential(layer), images, {"same": images})
    assert misfit is not None
    assert (misfit.layer, misfit.best) == ("0", "same")
    assert misfit.applied == pytest.approx(expected, rel=1e-6)
    assert not misfit.is_explained


def test_constants_of_another_data_set_of_photographs_are_not_called_wrong() -> None:
    images = spread(digits().images(torch.arange(90).numpy()))
    for name in ("cifar10", "cifar100", "cutmix"):
        module = Normalised(trained(), NORMALISATIONS[name]).eval()
        assert inspect(module, images, are_clean=True) == ()
    assert inspect(Normalised(trained(), NORM).eval(), images, are_clean=True) == ()


def test_probabilities_are_rows_in_the_unit_range_that_sum_to_one() -> None:
    logits = torch.randn(6, 5)
    assert looks_like_probabilities(logits.softmax(1))
    assert not looks_like_probabilities(logits)
    assert not looks_like_probabilities(logits.softmax(1) * 1.001)
    assert not looks_like_probabilities(torch.tensor([[1.5, -0.5]]))
    assert looks_like_probabilities(torch.eye(3))


def test_changes_are_counted_relative_to_the_logits() -> None:
    logits = torch.tensor([[100.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    assert changed(logits, logits + 0.009) == 0
    assert changed(logits, logits + torch.tensor([[0.0], [0.02], [0.5]])) == 2


def test_answers_that_are_not_finite_are_left_to_others() -> None:
    assert list(answer_findings(lambda images: images.flatten(1) * float("nan"), torch.rand(4, 3, 2, 2))) == []


def test_images_are_shown_again_in_two_halves() -> None:
    shown: list[int] = []

    def counting(images: torch.Tensor) -> torch.Tensor:
        shown.append(len(images))
        return images.flatten(1)

    assert list(answer_findings(counting, torch.rand(7, 3, 2, 2))) == []
    assert shown == [7, 7, 4, 3]
