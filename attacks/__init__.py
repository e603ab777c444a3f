"""Adversarial attacks: step rules and the engine that drives them."""

from robustsweep.attacks.adapters import Foreign, describe_families, is_foreign, parse_foreign, run_foreign
from robustsweep.attacks.engine import run_attack, run_attacks
from robustsweep.attacks.eps import format_eps, parse_eps
from robustsweep.attacks.functional import fgm_l2, fgsm, pgd
from robustsweep.attacks.loops.single_step import gradient_key
from robustsweep.attacks.outcome import AttackOutcome
from robustsweep.attacks.spec import AttackSpec, parse_attack
from robustsweep.attacks.square_attack import square
from robustsweep.attacks.steps.catalogue import ATTACKS

__all__ = [
    "ATTACKS",
    "AttackOutcome",
    "AttackSpec",
    "Foreign",
    "describe_families",
    "fgm_l2",
    "fgsm",
    "format_eps",
    "gradient_key",
    "is_foreign",
    "parse_attack",
    "parse_eps",
    "parse_foreign",
    "pgd",
    "run_attack",
    "run_attacks",
    "run_foreign",
    "square",
]
