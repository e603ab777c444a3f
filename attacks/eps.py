"""The size of a perturbation as an exact fraction, written the way the field writes it."""

import numbers
import re
from fractions import Fraction

from robustsweep.errors import UsageError
from robustsweep.values import require_kind

_NUMBER = r"(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})"
_EPS = re.compile(rf"{_NUMBER}(?:/{_NUMBER}){{0,3}}")
# Denominators up to this make every eps in use exact: k/255, p/q/255 and decimals of six digits.
_MAX_DENOMINATOR = 10**6


def parse_eps(text: str) -> Fraction:
    """Read a positive number; divisions apply from the left, so ``"1/8/255"`` is (1/8)/255.

    Args:
        text: Such as ``"8/255"``, ``"1/2/255"`` or ``"0.5"``.

    Raises:
        UsageError: If the text is not such a number, divides by zero, or is not above zero.
    """
    require_kind(text, str, "eps must be a string such as '8/255'")
    if not _EPS.fullmatch(text.strip()):
        raise UsageError(f"eps {text!r} is not a number or a chain of divisions; write it like 8/255, 1/2/255 or 0.5.")
    first, *divisors = (Fraction(part) for part in text.strip().split("/"))
    if 0 in divisors:
        raise UsageError(f"eps {text!r} divides by zero; write it like 8/255.")
    value = first
    for divisor in divisors:
        value /= divisor
    if value <= 0:
        raise UsageError(f"eps {text!r} is zero; an attack needs a budget above zero (suite 'clean' has none).")
    return value


def exact_eps(value: "Fraction | float | str") -> Fraction:
    """Return the exact eps that ``value`` stands for.

    A float is taken for the simplest fraction that rounds to it, so that ``8 / 255`` and ``"8/255"`` are the same eps.

    Raises:
        UsageError: If the value is not a finite number above zero.
    """
    if isinstance(value, str):
        return parse_eps(value)
    several = "call once for each eps, or name a ladder such as pgd10-linf@1/255,2/255 in run_attack"
    hint = several if isinstance(value, list | tuple) else ""
    require_kind(value, numbers.Real, "eps must be one number, or a string such as '8/255'", hint=hint)
    if not 0 < value < float("inf"):
        raise UsageError(f"eps must be a finite number above zero, got {value!r}.")
    exact = value if isinstance(value, Fraction) else Fraction(float(value))
    simple = exact.limit_denominator(_MAX_DENOMINATOR)
    return simple if float(simple) == float(value) else exact


def format_eps(eps: Fraction | float | str, norm: str = "linf") -> str:
    """Write ``eps`` so that ``parse_eps`` gives it back.

    Args:
        eps: The budget, above zero.
        norm: ``"linf"`` is written in 255ths: ``k/255``, or ``p/q/255``, so that 1/2040 is ``1/8/255``; if 255ths
            would be fractional but a decimal is exact, it is the decimal. Any other norm is written as a decimal
            if that is exact, else as ``p/q``.
    """
    eps = eps if isinstance(eps, Fraction) else exact_eps(eps)
    levels = eps * 255
    if norm == "linf" and levels.denominator == 1:
        return f"{levels.numerator}/255"
    decimal = _decimal(eps)
    if decimal is not None:
        return decimal
    return f"{levels}/255" if norm == "linf" else str(eps)


def _decimal(value: Fraction) -> str | None:
    for digits in range(16):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            whole, part = divmod(scaled.numerator, 10**digits)
            return f"{whole}.{part:0{digits}d}" if digits else str(whole)
    return None
