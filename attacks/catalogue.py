"""The attacks that users can name."""

from robustsweep.attacks.ascent import FGM, FGSM, PGD
from robustsweep.attacks.rules import Rule
from robustsweep.registry import Registry

ATTACKS: Registry[Rule] = Registry("attack")
ATTACKS.add("fgsm", FGSM)
ATTACKS.add("fgm", FGM)
ATTACKS.add("pgd", PGD)
