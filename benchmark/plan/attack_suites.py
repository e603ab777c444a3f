"""The suites of attacks."""

from robustsweep.attacks import parse_attack, parse_foreign
from robustsweep.benchmark.plan.conditions import Attacked

Attacks = tuple[Attacked, ...]

_LADDER = ",".join(f"{levels}/255" for levels in ("1/8", "1/4", "1/2", "1", "2", "8"))
_L2_LADDER = "1/16,1/8,1/4,1/2,1"


def _own(*names: str) -> Attacks:
    return tuple(Attacked(parse_attack(name)) for name in names)


def adversarial() -> Attacks:
    """FGSM at 1, 2, 4, 8/255, and PGD-10 Linf as a ladder at 1/8, 1/4, 1/2, 1, 2, 8/255 (step eps/4, random start)."""
    single = tuple(f"fgsm-linf@{levels}/255" for levels in (1, 2, 4, 8))
    return _own(*single, f"pgd10-linf@{_LADDER}")


def adversarial_strong() -> Attacks:
    """PGD-50 x 5 starts (step eps/20), Auto-PGD, FMN (100 steps) and nearest-image PGD, Linf and L2 ladders.

    Auto-PGD climbs the cross-entropy, and in Linf nine targets too. FMN and nearest-image PGD look for the nearest
    image that fools, DDN likewise in L2: bounds that owe nothing to the other attacks' eps.
    """
    return _own(
        f"pgd50x5-linf@{_LADDER}:step=1/20",
        f"apgd-ce100-linf@{_LADDER}",
        f"apgd-t100-linf@{_LADDER}",
        f"fmn100-linf@{_LADDER}",
        f"nearest-pgd74-linf@{_LADDER}",
        f"pgd50x5-l2@{_L2_LADDER}:step=1/20",
        f"apgd-ce100-l2@{_L2_LADDER}",
        f"fmn100-l2@{_L2_LADDER}",
        f"ddn100-l2@{_L2_LADDER}",
        f"nearest-pgd74-l2@{_L2_LADDER}",
    )


def certificate() -> Attacks:
    """Nearest-image PGD, 2 starts of 74 steps, Linf and L2: 299 passes per image and norm for a bound at every eps.

    The few images whose nearest one is barely beyond an eps take more.
    """
    return _own(f"nearest-pgd74-linf@{_LADDER}", f"nearest-pgd74-l2@{_L2_LADDER}")


def autoattack() -> Attacks:
    """AutoAttack, standard version: Linf at 1/2/255 and 8/255, L2 at 0.5."""
    names = ("autoattack-linf@1/2/255", "autoattack-linf@8/255", "autoattack-l2@0.5")
    return tuple(Attacked(parse_foreign(name)) for name in names)


def torchattacks() -> Attacks:
    """FGSM, BIM-10, PGD-10 and MI-FGSM-10 at 1/255 and 8/255 in torchattacks' protocol: the last iterate is judged."""
    rules = ("fgsm", "bim10", "pgd10", "mifgsm10")
    return _own(*(f"{rule}-linf@{levels}/255:protocol=torchattacks" for rule in rules for levels in (1, 8)))


def puzzlemix() -> Attacks:
    """FGSM at 8/255 and PGD-20 at 4/255 (step 2/255, random start): the attacks of Puzzle Mix's evaluation.

    Source: Kim, Choo and Song, "Puzzle Mix" (ICML 2020), the evaluation script of its code. Difference: an image counts
    as fooled at any iterate, there at the last.
    """
    return _own("fgsm-linf@8/255", "pgd20-linf@4/255:step=1/2")


def pixmix() -> Attacks:
    """PGD-20 at 2/255 (step 0.5/255, random start): the attack of PixMix's evaluation, inside its budget.

    Source: Hendrycks et al., "PixMix" (CVPR 2022), the attack in its code. Difference: that code adds the random start
    to the clean image itself, so that its ball is centred on the noised image and reaches nearly twice as far, 3.98/255
    instead of 2/255; published errors are therefore higher than those of this suite.
    """
    return _own("pgd20-linf@2/255")
