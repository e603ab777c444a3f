"""Adversarial attacks: step rules and the engine that drives them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robustsweep.attacks.catalogue import ATTACKS
    from robustsweep.attacks.engine import run_attack
    from robustsweep.attacks.eps import format_eps, parse_eps
    from robustsweep.attacks.functional import fgm_l2, fgsm, pgd
    from robustsweep.attacks.outcome import AttackOutcome
    from robustsweep.attacks.spec import AttackSpec, parse_attack

# Loaded when first asked for, so that reading an eps does not import torch.
_MODULES = {
    "ATTACKS": "catalogue",
    "AttackOutcome": "outcome",
    "AttackSpec": "spec",
    "fgm_l2": "functional",
    "fgsm": "functional",
    "format_eps": "eps",
    "parse_attack": "spec",
    "parse_eps": "eps",
    "pgd": "functional",
    "run_attack": "engine",
}

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
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
