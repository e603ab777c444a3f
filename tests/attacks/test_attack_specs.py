import json
from dataclasses import replace
from fractions import Fraction

import pytest

from robustsweep import attacks
from robustsweep.attacks import AttackSpec, parse_attack
from robustsweep.errors import UsageError

LADDER = "pgd10-linf@1/8/255,1/255,8/255"


@pytest.mark.parametrize(
    "name",
    [
        "fgsm-linf@8/255",
        "fgsm-linf@1/8/255",
        "fgm-l2@0.5",
        "pgd10-linf@8/255",
        "pgd10x5-linf@8/255",
        "pgd20x2-l2@0.5",
        "pgd20-linf@4/255:step=1/2",
        "pgd20-linf@4/255:step=1/2:start=clean",
        "pgd50x5-linf@8/255:step=1/20",
        "pgd10-linf@8/255:loss=dlr",
        "pgd10-l2@0.5:step=1/2:loss=margin:start=clean",
        "fgsm-linf@8/255:loss=margin",
        "bim10-linf@8/255",
        "mifgsm10-linf@8/255",
        "apgd-ce100-linf@8/255",
        "apgd-ce100x5-l2@0.5",
        "apgd-dlr100-l2@0.5",
        "apgd-t100-linf@8/255",
        "apgd-t100x3-linf@8/255",
        "apgd-t100-linf@8/255:start=clean",
    ],
)
def test_the_name_of_one_eps_reads_back_as_the_same_attack(name):
    assert parse_attack(name).name == name
    assert parse_attack(parse_attack(name).name) == parse_attack(name)


def test_a_ladder_is_named_without_its_eps():
    spec = parse_attack(LADDER)
    assert spec.eps == (Fraction(1, 2040), Fraction(1, 255), Fraction(8, 255))
    assert spec.name == "pgd10-linf"
    assert parse_attack("pgd10x5-linf@1/255,2/255").name == "pgd10x5-linf"


def test_what_a_name_leaves_out_is_the_usual_setting():
    assert parse_attack("pgd10-linf@8/255") == AttackSpec(
        "pgd",
        "linf",
        (Fraction(8, 255),),
        steps=10,
        step_ratio=Fraction(1, 4),
        restarts=1,
        random_start=True,
        loss="ce",
    )
    assert parse_attack("fgsm-linf@8/255") == AttackSpec(
        "fgsm", "linf", (Fraction(8, 255),), steps=1, step_ratio=Fraction(1), restarts=1, random_start=False, loss="ce"
    )


def test_the_identity_is_json_and_tells_every_parameter():
    spec = parse_attack(LADDER)
    identity = json.loads(json.dumps(spec.identity()))
    assert identity["eps"] == ["1/2040", "1/255", "8/255"]
    changes = {
        "loss": "dlr",
        "norm": "l2",
        "eps": (Fraction(1, 255),),
        "steps": 11,
        "step_ratio": Fraction(1, 2),
        "restarts": 2,
        "random_start": False,
    }
    for field, value in changes.items():
        other = replace(spec, **{field: value}).identity()
        assert {key for key in identity if identity[key] != other[key]} == {field}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fgsm-linf@1/255,2/255", "one eps per condition"),
        ("pgd10-linf@2/255,1/255", "ascending"),
        ("pgd10-linf@1/255,1/255", "ascending"),
        ("pgd10-linf@8", "write 8/255, not 8"),
        ("pgd10-linf", "cannot be read"),
        ("pgd10-linf@", "cannot be read"),
        ("pgd-linf@8/255", "how many steps"),
        ("pgd0-linf@8/255", "1 to 9999 steps"),
        ("pgd10x0-linf@8/255", "1 to 9999 steps and restarts"),
        ("pgd10x2-linf@8/255:start=clean", "all the same"),
        ("pdg10-linf@8/255", "did you mean 'pgd'"),
        ("pgd10-l1@8/255", "Unknown norm 'l1'"),
        ("fgsm-l2@0.5", "not for l2"),
        ("fgm-linf@0.5", "not for linf"),
        ("fgsm10-linf@8/255", "one step of size eps"),
        ("fgsmx2-linf@8/255", "Unknown attack"),
        ("fgsm-linf@8/255:step=1/2", "one step of size eps"),
        ("pgd10-linf@0/255", "above zero"),
        ("pgd10-linf@8/255:loss=cw", "Unknown loss 'cw'"),
        ("pgd10-linf@8/255:loss=dlr-targeted", "pgd climbs the loss ce or margin or dlr, not dlr-targeted"),
        ("apgd-ce10-linf@8/255:loss=dlr", "apgd-ce climbs the loss ce, not dlr"),
        ("bim10x2-linf@8/255", "all the same"),
        ("mifgsm10-l2@0.5", "not for l2"),
        ("apgd10-linf@8/255", "Known: fgsm, fgm, pgd, bim, mifgsm, apgd-ce, apgd-dlr, apgd-t"),
    ],
)
def test_a_name_that_is_no_attack_is_refused_with_the_reason(name, message):
    with pytest.raises(UsageError, match=message):
        parse_attack(name)


def test_an_inexact_eps_is_refused():
    with pytest.raises(UsageError, match="exact fractions"):
        replace(parse_attack("pgd10-linf@8/255"), eps=(8 / 255,))


def test_every_public_name_is_there():
    assert all(getattr(attacks, name).__name__ == name for name in attacks.__all__ if name != "ATTACKS")
    assert list(attacks.ATTACKS)[:8] == ["fgsm", "fgm", "pgd", "bim", "mifgsm", "apgd-ce", "apgd-dlr", "apgd-t"]
    with pytest.raises(AttributeError, match="no attribute 'fab'"):
        attacks.fab  # noqa: B018


def test_a_single_step_attack_takes_no_random_start():
    with pytest.raises(UsageError, match="no random start"):
        replace(parse_attack("fgsm-linf@8/255"), random_start=True)


@pytest.mark.parametrize("name", ["bim10-linf@8/255", "mifgsm10-linf@8/255"])
def test_an_attack_from_the_clean_image_takes_no_random_start(name):
    with pytest.raises(UsageError, match="starts at the clean image by definition; use pgd"):
        replace(parse_attack(name), random_start=True)


def test_the_identity_of_a_usual_attack_has_not_changed():
    assert parse_attack("pgd10-linf@8/255").identity() == {
        "rule": "pgd",
        "norm": "linf",
        "eps": ["8/255"],
        "steps": 10,
        "step_ratio": "1/4",
        "restarts": 1,
        "random_start": True,
        "loss": "ce",
    }


def test_a_targeted_attack_has_nine_target_classes_unless_told_otherwise():
    spec = parse_attack("apgd-t100-linf@8/255")
    assert (spec.restarts, spec.loss, spec.step_ratio, spec.random_start) == (9, "dlr-targeted", 2, True)
    assert parse_attack("apgd-t100x1-linf@8/255").restarts == 1
