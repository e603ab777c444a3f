"""An attack of another library, and the condition name that stands for it."""

import re
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from robustsweep.attacks.adapters import autoattack, torchattacks
from robustsweep.attacks.adapters.batch import Adapter
from robustsweep.attacks.eps import format_eps, parse_eps
from robustsweep.errors import MissingDependencyError, UsageError
from robustsweep.registry import unknown_name
from robustsweep.values import require_kind

BATCH_SIZE = 128
"""Images per batch: part of what these attacks do to an image, as they draw for a batch and not for an image."""

_TORCHATTACKS = re.compile(r"torchattacks:(?P<attack>\w+)(?:-(?P<norm>[a-z0-9]+))?(?:@(?P<eps>[0-9./]+))?")
_AUTOATTACK = re.compile(r"autoattack-(?P<norm>[a-z0-9]+)@(?P<eps>[0-9./]+)")


@dataclass(frozen=True, slots=True)
class Family:
    """One library.

    Attributes:
        package: What is installed and whose version decides the numbers.
        extra: The extra of robustsweep that installs it.
        adapter: Reaches it.
    """

    package: str
    extra: str
    adapter: Adapter


FAMILIES = {
    "torchattacks": Family("torchattacks", "torchattacks", torchattacks.attack_batch),
    "autoattack": Family("pyautoattack", "autoattack", autoattack.attack_batch),
}


@dataclass(frozen=True, slots=True)
class Foreign:
    """An attack of another library, with the settings that it has there.

    It is run on batches of ``BATCH_SIZE`` images in the order of the data, and draws for a batch as a whole.

    Attributes:
        family: Name in ``FAMILIES``.
        attack: The attack's name in that library.
        norm: ``"linf"`` or ``"l2"``; ``"none"`` if the attack has no budget and any image of the box counts.
        eps: The budget in units of the pixel range [0, 1]; None without one.

    Raises:
        UsageError: If the parameters do not make one attack; the message says which and why.
    """

    family: str
    attack: str
    norm: str
    eps: Fraction | None

    @property
    def fewest_classes(self) -> int:
        """The fewest classes that it is defined for."""
        return autoattack.FEWEST_CLASSES if self.family == "autoattack" else 2

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise unknown_name("family of attacks", self.family, list(FAMILIES))
        if self.family == "torchattacks" and self.attack not in torchattacks.CATALOGUE:
            raise unknown_name("attack of torchattacks", self.attack, list(torchattacks.CATALOGUE))
        norms = self.norms or ("none",)
        if self.norm not in norms:
            raise UsageError(f"{self.rule} is defined for {' and '.join(norms)}, not for {self.norm}.")
        if (self.eps is None) != (self.norm == "none"):
            raise UsageError(
                f"{self.rule} has no budget; leave @EPS out."
                if self.norm == "none"
                else f"{self.rule} needs a budget; write it like {self.rule}@8/255."
            )
        if self.eps is not None and (self.eps <= 0 or (self.norm == "linf" and self.eps > 1)):
            raise UsageError(f"{self.rule} needs an eps above zero, in Linf up to 1; write 8/255, not {self.eps}.")

    @property
    def norms(self) -> tuple[str, ...]:
        """The norms that the attack is defined for, its own first; empty if it has no budget."""
        return torchattacks.CATALOGUE[self.attack].norms if self.family == "torchattacks" else autoattack.NORMS

    @property
    def rule(self) -> str:
        """The attack without norm and eps: ``torchattacks:PGD`` or ``autoattack``."""
        return f"{self.family}:{self.attack}" if self.family == "torchattacks" else self.family

    @property
    def name(self) -> str:
        """The condition's name: ``torchattacks:PGD@8/255``, ``torchattacks:CW`` or ``autoattack-l2@0.5``."""
        is_own = self.family == "torchattacks" and self.norm == (self.norms or ("none",))[0]
        norm = "" if is_own else f"-{self.norm}"
        return f"{self.rule}{norm}{'' if self.eps is None else f'@{format_eps(self.eps, self.norm)}'}"

    @property
    def passes(self) -> int:
        """Forward passes that one image takes, roughly; for progress bars alone."""
        return 7000 if "autoattack" in self.rule.lower() else 31

    def identity(self) -> dict[str, Any]:
        """Return everything that decides the numbers but the seed, as JSON values; the library's version is part of it.

        Raises:
            MissingDependencyError: If the library is not installed.
        """
        return {
            "rule": self.rule,
            "attack": self.attack,
            "norm": self.norm,
            "eps": [] if self.eps is None else [str(self.eps)],
            "batch_size": BATCH_SIZE,
            "library": {FAMILIES[self.family].package: self.version()},
        }

    def describe(self) -> dict[str, Any]:
        """Return what tables show, as JSON values: one eps, or the text ``none`` with no value."""
        return {
            "attack": self.rule,
            "norm": self.norm,
            "eps": ["none" if self.eps is None else format_eps(self.eps, self.norm)],
            "eps_value": [None if self.eps is None else float(self.eps)],
        }

    def version(self) -> str:
        """Return the version of the library.

        Raises:
            MissingDependencyError: If it is not installed.
        """
        try:
            return version(FAMILIES[self.family].package)
        except PackageNotFoundError:
            raise missing(self.family) from None


def missing(family: str) -> MissingDependencyError:
    """Say how to install the library of a family."""
    package, extra = FAMILIES[family].package, FAMILIES[family].extra
    return MissingDependencyError(f"{package} is not installed; get it with: pip install 'robustsweep[{extra}]'.")


def is_foreign(name: str) -> bool:
    """Say whether a condition's name begins like one of another library."""
    require_kind(name, str, "An attack's name must be a string")
    return name.startswith(("torchattacks:", "autoattack-"))


def parse_foreign(name: str) -> Foreign:
    """Read a condition name.

    Args:
        name: ``torchattacks:NAME[-NORM][@EPS]`` or ``autoattack-NORM@EPS``; without NORM it is the attack's own.

    Raises:
        UsageError: If the name does not have this form or its parts do not make one attack.
    """
    require_kind(name, str, "An attack's name must be a string such as 'torchattacks:PGD@8/255'")
    match = _AUTOATTACK.fullmatch(name)
    if match:
        return Foreign("autoattack", "standard", match["norm"], parse_eps(match["eps"]))
    match = _TORCHATTACKS.fullmatch(name)
    if match is None:
        raise UsageError(
            f"Attack {name!r} cannot be read; write torchattacks:NAME@EPS, such as torchattacks:PGD@8/255, "
            "torchattacks:NAME for one without a budget, such as torchattacks:CW, or autoattack-NORM@EPS, such as "
            "autoattack-linf@8/255."
        )
    if match["attack"] not in torchattacks.CATALOGUE:
        raise unknown_name("attack of torchattacks", match["attack"], list(torchattacks.CATALOGUE))
    norm = match["norm"] or (torchattacks.CATALOGUE[match["attack"]].norms or ("none",))[0]
    return Foreign("torchattacks", match["attack"], norm, parse_eps(match["eps"]) if match["eps"] else None)


def describe_families() -> list[tuple[str, str]]:
    """List the forms of names, each with a sentence."""
    catalogue = torchattacks.CATALOGUE
    with_budget = [name for name in catalogue if catalogue[name].norms]
    two_norms = [name for name in with_budget if len(catalogue[name].norms) > 1]
    without = [name for name in catalogue if not catalogue[name].norms]
    return [
        ("torchattacks:NAME@EPS", f"of torchattacks (extra: torchattacks); {', '.join(with_budget)}"),
        ("torchattacks:NAME-l2@EPS", f"the same in L2; {', '.join(two_norms)}"),
        ("torchattacks:NAME", f"without a budget, distances are recorded; {', '.join(without)}"),
        ("autoattack-NORM@EPS", "AutoAttack, standard version (extra: autoattack); NORM is linf or l2"),
    ]
