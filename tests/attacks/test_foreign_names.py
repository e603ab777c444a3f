"""The names of other libraries' attacks."""

import pytest

from robustsweep.attacks import Foreign, parse_foreign
from robustsweep.errors import UsageError

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
