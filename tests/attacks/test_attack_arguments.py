"""What the functions of ``robustsweep.attacks`` say of arguments that they cannot take, and what they take."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from robustsweep.attacks import (
    AttackSpec,
    fgm_l2,
    fgsm,
    format_eps,
    gradient_key,
    is_foreign,
    parse_attack,
    parse_eps,
    parse_foreign,
    pgd,
    run_attack,
    run_attacks,
    run_foreign,
    square,
)
from robustsweep.errors import RobustsweepError

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 0, 1])
IDS = torch.arange(4)
PICTURE = Image.new("RGB", (8, 8))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval()


@pytest.mark.parametrize("attack", [fgsm, fgm_l2, pgd, square])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"eps": [1 / 255, 2 / 255]},
            "eps must be one number, or a string such as '8/255', got list; call once",
        ),
        ({"eps": None}, "eps must be one number, .* got None"),
        ({"eps": "eight"}, "eps 'eight' is not a number"),
        ({"images": PICTURE}, "Images must be a tensor, .* got PIL.Image.Image; torch.from_numpy"),
        ({"images": IMAGES.numpy()}, "got numpy.ndarray"),
        ({"images": torch.tensor(0.5)}, r"Images must be float32 \(N, ...\)"),
        ({"labels": [0, 1, 0, 1]}, r"Labels must be a tensor, int64 \(4,\), got list"),
        ({"model": lambda images: images}, "The model must be a torch.nn.Module .* got function"),
    ],
)
def test_plain_functions_name_what_they_cannot_take(attack: Any, change: dict[str, Any], message: str) -> None:
    given = {"model": network(), "images": IMAGES, "labels": LABELS, "eps": "8/255"} | change
    with pytest.raises(RobustsweepError, match=message):
        attack(given["model"], given["images"], given["labels"], eps=given["eps"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pgd(network(), IMAGES, LABELS, steps="ten"), "steps must be a whole number, got 'ten'"),
        (lambda: pgd(network(), IMAGES, LABELS, norm=["linf"]), "norm of an attack must be a string, got list"),
        (lambda: pgd(network(), IMAGES, LABELS, seed=0.5), "seed must be a whole number, got 0.5"),
        (lambda: pgd(network(), IMAGES, LABELS, ids=[0]), "Ids must be a tensor"),
        (lambda: square(network(), IMAGES, LABELS, eps=0.1, queries="9"), "queries must be a whole number"),
        (lambda: parse_eps(0.1), "eps must be a string such as '8/255', got float"),
        (lambda: parse_attack(None), "An attack's name must be a string .* got None"),
        (lambda: parse_foreign(["pgd"]), "An attack's name must be a string .* got list"),
        (lambda: is_foreign(None), "An attack's name must be a string, got None"),
        (lambda: gradient_key("fgsm-linf@8/255"), "must be an AttackSpec, got str; parse_attack"),
        (lambda: AttackSpec("pgd", "linf", Fraction(1, 9), 1, Fraction(1, 4)), "eps of an attack must be a tuple"),
        (lambda: AttackSpec(["pgd"], "linf", (Fraction(1),), 1, Fraction(1, 4)), "rule of an attack must be a string"),
        (lambda: format_eps([1]), "eps must be one number"),
    ],
)
def test_wrong_types_are_named_in_a_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(RobustsweepError, match=message):
        call()


@pytest.mark.parametrize("spec", [None, 3, ["pgd10-linf@8/255"], "pgd10-linf", "nothing-linf@8/255"])
def test_a_spec_that_is_none_is_refused_in_a_sentence(spec: Any) -> None:
    for run in (run_attack, run_foreign):
        with pytest.raises(RobustsweepError, match="[Aa]ttack"):
            run(network(), IMAGES, LABELS, spec, seed=0, ids=IDS)


def test_a_name_stands_for_its_attack_and_numbers_may_be_numpys() -> None:
    name, model = "pgd10-linf@8/255", network()
    by_name = run_attack(model, IMAGES, LABELS, name, seed=0, ids=IDS)
    by_spec = run_attack(model, IMAGES, LABELS, parse_attack(name), seed=np.int64(0), ids=IDS)
    (alone,) = run_attacks(model, IMAGES, LABELS, name, seed=0, ids=IDS)
    assert torch.equal(by_name.logits, by_spec.logits)
    assert torch.equal(by_name.logits, alone.logits)
    both = run_attacks(model, IMAGES, LABELS, ["fgsm-linf@1/255", "fgsm-linf@2/255"], seed=0, ids=IDS)
    assert len(both) == 2
    assert torch.equal(pgd(model, IMAGES, LABELS, eps=np.float64(8 / 255)), pgd(model, IMAGES, LABELS, eps="8/255"))
    assert format_eps(8 / 255) == "8/255"
