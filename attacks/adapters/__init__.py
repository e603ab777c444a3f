"""Attacks of other libraries, each run as it is there and judged here."""

from robustsweep.attacks.adapters.foreign import Foreign, describe_families, is_foreign, parse_foreign
from robustsweep.attacks.adapters.verdicts import run_foreign

__all__ = ["Foreign", "describe_families", "is_foreign", "parse_foreign", "run_foreign"]
