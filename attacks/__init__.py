"""Adversarial attacks: step rules and the engine that drives them."""

from robustsweep.attacks.catalogue import ATTACKS
from robustsweep.attacks.engine import run_attack
from robustsweep.attacks.eps import format_eps, parse_eps
from robustsweep.attacks.functional import fgm_l2, fgsm, pgd
from robustsweep.attacks.outcome import AttackOutcome
from robustsweep.attacks.spec import AttackSpec, parse_attack
from robustsweep.attacks.square import square

__all__ = [
    "ATTACKS",
    "AttackOutcome",
    "AttackSpec",
    "fgm_l2",
    "fgsm",
    "format_eps",
    "parse_attack",
    "parse_eps",
    "pgd",
    "run_attack",
    "square",
]
