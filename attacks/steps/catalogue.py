"""The attacks that users can name."""

from robustsweep.attacks.steps.apgd import APGD_CE, APGD_DLR, APGD_T
from robustsweep.attacks.steps.ascent import FGM, FGSM, PGD
from robustsweep.attacks.steps.ddn import DDN
from robustsweep.attacks.steps.fmn import FMN
from robustsweep.attacks.steps.momentum import BIM, MIFGSM
from robustsweep.attacks.steps.nearest_pgd import NEAREST_PGD
from robustsweep.attacks.steps.rules import Rule
from robustsweep.registry import Registry

ATTACKS: Registry[Rule] = Registry("attack", Rule)
ATTACKS.add("fgsm", FGSM)
ATTACKS.add("fgm", FGM)
ATTACKS.add("pgd", PGD)
ATTACKS.add("bim", BIM)
ATTACKS.add("mifgsm", MIFGSM)
ATTACKS.add("apgd-ce", APGD_CE)
ATTACKS.add("apgd-dlr", APGD_DLR)
ATTACKS.add("apgd-t", APGD_T)
ATTACKS.add("fmn", FMN)
ATTACKS.add("ddn", DDN)
ATTACKS.add("nearest-pgd", NEAREST_PGD)
