"""Other libraries' attacks themselves, where these are installed."""

import inspect
import logging
import random
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from foreign_models import check_same, state
from small_models import Linear
from torch import Tensor, nn

from robustsweep.attacks import parse_attack, parse_foreign, run_attack, run_foreign
from robustsweep.attacks.adapters.torchattacks import CATALOGUE
from robustsweep.errors import AttackError

NEEDED = {"torchattacks": "torchattacks", "autoattack": "pyautoattack"}


def needs(name: str) -> pytest.MarkDecorator:
    package = NEEDED[name.partition(":")[0].partition("-")[0]]
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


def names() -> list[str]:
    listed = []
    for name, entry in CATALOGUE.items():
        listed += [f"torchattacks:{name}"] if not entry.norms else []
        listed += [f"torchattacks:{name}@{'16/255' if entry.norms[0] == 'linf' else '0.5'}"] if entry.norms else []
        listed += [f"torchattacks:{name}-l2@2"] if len(entry.norms) > 1 else []
    return [*listed, "autoattack-linf@16/255", "autoattack-l2@0.5"]


class Conv(nn.Module):
    """A convolution, a batch normalisation and a matrix, fragile enough that attacks end early."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)
        self.linear = nn.Linear(6 * 16, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = torch.tanh(4 * self.norm(self.conv(images - 0.5)))
        return 4 * self.linear(nn.functional.adaptive_avg_pool2d(features, 4).flatten(1))


def conv(classes: int) -> Conv:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Conv(classes).eval().to(memory_format=torch.channels_last)


def task(classes: int = 5, n: int = 3) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """Tiled images of 16 pixels, channels last in memory as in a sweep; the first is wrong before any attack."""
    model = conv(classes)
    tiles = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2
    images = tiles.repeat_interleave(4, 2).repeat_interleave(4, 3).contiguous(memory_format=torch.channels_last)
    labels = model(images).argmax(1)
    labels[0] = (labels[0] + 1) % classes
    return model, images, labels, torch.arange(n)


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in names()])
def test_every_attack_runs_is_judged_and_leaves_everything_as_it_was(name, capfd, caplog):
    model, images, labels, ids = task()
    model.conv.weight.grad = torch.ones_like(model.conv.weight)
    before, trace, log = state(model), sys.gettrace(), logging.getLogger("auto-attack")
    handlers = list(log.handlers)
    generators = (random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state())  # noqa: NPY002
    outcome = run_foreign(model, images, labels, parse_foreign(name), seed=0, ids=ids, keep_images=True)
    check_same(before, state(model))
    assert random.getstate() == generators[0]
    assert np.array_equal(np.random.get_state()[1], generators[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), generators[2])
    assert (sys.gettrace(), log.handlers, log.propagate) == (trace, handlers, True)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert outcome.eps_level[0] == -1
    assert torch.equal(outcome.logits, model(outcome.images).detach())
    assert torch.equal(outcome.eps_level == 1, outcome.logits.argmax(1) == labels)
    again = run_foreign(model, images, labels, parse_foreign(name), seed=0, ids=ids, keep_images=True)
    assert torch.equal(again.images, outcome.images)


@needs("torchattacks:")
def test_the_catalogue_is_the_library_and_says_what_its_constructors_take():
    import torchattacks

    assert set(torchattacks.__all__) - {"MultiAttack", "LGV"} == set(CATALOGUE)
    for name, entry in CATALOGUE.items():
        parameters = inspect.signature(getattr(torchattacks, name)).parameters
        taken = {argument for argument in ("norm", "n_classes", "seed") if argument in parameters}
        said = {"norm": entry.takes_norm, "n_classes": entry.takes_classes, "seed": entry.takes_seed}
        assert taken == {argument for argument, holds in said.items() if holds}, name
        assert bool(entry.norms) == bool({"eps", "max_epsilon"} & set(parameters)), name
        assert not entry.norms or entry.eps in parameters, name


@needs("torchattacks:")
def test_a_single_step_gives_the_images_of_our_own():
    model, images, labels, ids = task(n=6)
    ours = run_attack(model, images, labels, parse_attack("fgsm-linf@4/255"), seed=0, ids=ids, keep_images=True)
    theirs = run_foreign(
        model, images, labels, parse_foreign("torchattacks:FGSM@4/255"), seed=0, ids=ids, keep_images=True
    )
    assert float((ours.images - theirs.images).abs().max()) < 1e-6
    assert torch.equal(ours.eps_level, theirs.eps_level)


def linear_task(margin: float, classes: int = 5) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model whose class k reads the mean of its own stripe, and grey images brighter by ``margin`` there.

    In Linf the image falls as soon as the two best classes meet: at eps = margin / 2.
    """
    pixels = 3 * 16 * 16
    weight = torch.zeros(classes, pixels)
    stripe = pixels // classes
    for k in range(classes):
        weight[k, k * stripe : (k + 1) * stripe] = 1 / stripe
    model = Linear(100 * weight, torch.zeros(classes)).eval()
    labels = torch.arange(classes)
    images = torch.full((classes, pixels), 0.5)
    for k in range(classes):
        images[k, k * stripe : (k + 1) * stripe] += margin
    return model, images.view(classes, 3, 16, 16), labels, torch.arange(classes)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(name)) for name in ("autoattack-linf", "torchattacks:APGDT")]
)
@pytest.mark.parametrize(("factor", "eps_level"), [(0.9, 1), (1.1, 0)])
def test_a_linear_model_falls_exactly_beyond_half_its_margin(name, factor, eps_level):
    model, images, labels, ids = linear_task(margin=0.08)
    spec = parse_foreign(f"{name}@{factor * 0.04:.4f}")
    if name == "autoattack-linf" and eps_level == 1:
        images, labels, ids = images[:1], labels[:1], ids[:1]  # 5 000 queries each
    outcome = run_foreign(model, images, labels, spec, seed=0, ids=ids)
    assert outcome.eps_level.tolist() == [eps_level] * len(ids)


@pytest.mark.parametrize("classes", [4, 12])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("torchattacks:APGDT@16/255", marks=needs("torchattacks:")),
        pytest.param("torchattacks:FAB@16/255", marks=needs("torchattacks:")),
        pytest.param("torchattacks:JSMA", marks=needs("torchattacks:")),
        pytest.param("autoattack-linf@16/255", marks=needs("autoattack")),
    ],
)
def test_any_number_of_classes_from_four_is_attacked(name, classes):
    model, images, labels, ids = task(classes)
    outcome = run_foreign(model, images, labels, parse_foreign(name), seed=0, ids=ids)
    assert outcome.eps_level.tolist() == [-1, 0, 0]


@needs("torchattacks:")
def test_the_last_class_is_aimed_at_the_first():
    # The library's own target of class 3 would be class 4 of ten.
    model, images, labels, ids = linear_task(margin=0.04, classes=4)
    with torch.no_grad():  # JSMA takes pixels that raise its class and lower the others
        model.weight.copy_(2 * model.weight - model.weight.sum(0))
    outcome = run_foreign(model, images, labels, parse_foreign("torchattacks:JSMA"), seed=0, ids=ids)
    assert outcome.logits.argmax(1).tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("attack", ["APGD", "APGDT", "FAB", "Square", "AutoAttack"])
@needs("torchattacks:")
def test_classes_that_seed_themselves_are_given_the_seed(attack, monkeypatch):
    import torchattacks

    given = []
    original = getattr(torchattacks, attack)
    monkeypatch.setattr(
        torchattacks, attack, lambda *args, **options: given.append(options) or original(*args, **options)
    )
    model, images, labels, ids = task()
    for seed in (0, 1):
        run_foreign(model, images, labels, parse_foreign(f"torchattacks:{attack}@16/255"), seed=seed, ids=ids)
    assert given[0]["seed"] != given[1]["seed"]


@needs("torchattacks:")
def test_targets_are_among_all_classes():
    # Only the twelfth best class can be reached; the library's own ten classes end before it.
    weight = torch.zeros(12, 3 * 16 * 16)
    weight[11] = 1.0
    bias = torch.tensor([10.0, *range(9, -1, -1), -5.0 - 0.5 * 3 * 16 * 16])
    model, images = Linear(weight, bias).eval(), torch.full((2, 3, 16, 16), 0.5)
    labels = torch.zeros(2, dtype=torch.int64)
    outcome = run_foreign(model, images, labels, parse_foreign("torchattacks:APGDT@8/255"), seed=0, ids=torch.arange(2))
    assert outcome.eps_level.tolist() == [0, 0]


@needs("autoattack-linf")
def test_autoattack_needs_four_classes_and_says_so():
    model, images, labels, ids = task(classes=3)
    with pytest.raises(AttackError, match="autoattack-linf@8/255: .* needs 4 classes or more, the model has 3"):
        run_foreign(model, images, labels, parse_foreign("autoattack-linf@8/255"), seed=0, ids=ids)


@needs("autoattack-linf")
def test_what_autoattack_warns_of_is_returned_and_not_logged(caplog):
    model, images, labels, ids = task()
    model = nn.Sequential(model, nn.Softmax(1)).eval()
    outcome = run_foreign(model, images, labels, parse_foreign("autoattack-linf@32/255"), seed=0, ids=ids)
    assert any("probability distribution" in sentence for sentence in outcome.warnings)
    assert caplog.records == []
    assert all(sentence.startswith("autoattack-linf@32/255 warns in 1 of 1 batches: ") for sentence in outcome.warnings)


@needs("autoattack-linf")
def test_a_trace_function_outlives_autoattack():
    model, images, labels, ids = task()
    before = sys.gettrace()
    sys.settrace(trace := lambda frame, event, argument: None)
    try:
        run_foreign(model, images, labels, parse_foreign("autoattack-linf@32/255"), seed=0, ids=ids)
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)
