"""Conditions: the ways in which test images are presented to a checkpoint."""

import re
from dataclasses import dataclass, replace
from typing import Any

from robustsweep.attacks import ATTACKS, AttackSpec, Foreign, format_eps, is_foreign, parse_attack, parse_foreign
from robustsweep.corruptions import CORRUPTIONS, SEVERITIES, TABLES
from robustsweep.corruptions.edges import EDGES
from robustsweep.corruptions.windows import FILLINGS, FRACTIONS
from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.results.corruption_names import IMAGENET_3DCC
from robustsweep.results.corruption_names.sequences import FRAMES, PREFIX, sequence_condition

_CORRUPTED = re.compile(rf"(?P<corruption>[a-z_]+|{'|'.join(IMAGENET_3DCC)})@(?P<severity>\d+)")
_SEVERITIES = re.compile(r"(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?")
_RANGE = re.compile(r"[a-z_]+@\d+-\d+")
_WINDOWED = re.compile(r"window-(?P<edge>[a-z]+)-(?P<filling>[a-z]+)@(?P<fraction>0?\.\d+|\d+)")


@dataclass(frozen=True, slots=True)
class Clean:
    """The test images as they are."""

    kind = "clean"
    name = "clean"

    def describe(self) -> dict[str, Any]:
        """Return the fields of ``cell.condition``."""
        return {"name": self.name, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Shifted:
    """The images of a natural shift as they are; what ``Clean`` becomes on such a set.

    Attributes:
        shift: A name of ``NATURAL_SHIFTS``.
    """

    shift: str

    kind = "shift"

    @property
    def name(self) -> str:
        """Such as ``imagenet-r``."""
        return self.shift

    def describe(self) -> dict[str, Any]:
        """Return the fields of ``cell.condition``."""
        return {"name": self.name, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Corrupted:
    """One corruption at one severity.

    Attributes:
        corruption: Name in ``CORRUPTIONS`` or, of published files alone, in ``IMAGENET_3DCC``.
        severity: 1 to 5.
        table: Severity table, a name of ``TABLES``; None: chosen by the image size. Official images have none.
        jpeg_quality: Quality of the JPEG round trip that follows, as in the official ImageNet-C and Tiny-ImageNet-C;
            None: no round trip.
    """

    corruption: str
    severity: int
    table: str | None = None
    jpeg_quality: int | None = None

    kind = "corruption"

    def __post_init__(self) -> None:
        if self.corruption not in IMAGENET_3DCC:
            CORRUPTIONS[self.corruption]
        if self.severity not in SEVERITIES:
            raise UsageError(f"{self.corruption}: severity must be an integer in 1..5, got {self.severity}.")
        if self.table is not None and self.table not in TABLES:
            raise unknown_name("severity table", self.table, list(TABLES))
        if self.table is not None:
            CORRUPTIONS[self.corruption].parameters(self.table, self.severity)

    @property
    def name(self) -> str:
        """Such as ``fog@3``."""
        return f"{self.corruption}@{self.severity}"

    def describe(self) -> dict[str, Any]:
        """Return the fields of ``cell.condition``."""
        return {
            "name": self.name,
            "kind": self.kind,
            "corruption": self.corruption,
            "severity": self.severity,
            "table": self.table,
            "jpeg_quality": self.jpeg_quality,
        }

    def as_official(self) -> "Corrupted":
        """Return the condition without what only generated images have."""
        return replace(self, table=None, jpeg_quality=None)


@dataclass(frozen=True, slots=True)
class Windowed:
    """A patch pasted into the image: our probe of SmoothMix's claim about hard edges.

    Attributes:
        edge: ``"hard"``, ``"linear"`` or ``"gauss"``; the three share places, partners, noise and mask mass.
        filling: ``"image"``, another image of the split; ``"mean"``, the image's mean colour; or ``"noise"``.
        fraction: Side of the patch as a fraction of the image's sides: 0.25, 0.375 or 0.5.
    """

    edge: str
    filling: str
    fraction: float

    kind = "window"

    def __post_init__(self) -> None:
        for noun, value, known in (("edge", self.edge, EDGES), ("filling", self.filling, FILLINGS)):
            if value not in known:
                raise unknown_name(f"{noun} of a window", value, list(known))
        if self.fraction not in FRACTIONS:
            listed = ", ".join(f"{fraction:g}" for fraction in FRACTIONS)
            raise UsageError(f"The fraction of a window must be one of {listed}, got {self.fraction:g}.")

    @property
    def name(self) -> str:
        """Such as ``window-hard-noise@0.375``."""
        return f"window-{self.edge}-{self.filling}@{self.fraction:g}"

    @classmethod
    def parse(cls, name: str) -> "Windowed":
        """Read ``window-EDGE-FILLING@FRACTION``.

        Raises:
            UsageError: If it is none.
        """
        match = _WINDOWED.fullmatch(name)
        if match is None:
            raise UsageError(
                f"{name!r} cannot be read; a window is window-EDGE-FILLING@FRACTION, such as window-hard-noise@0.375."
            )
        return cls(match["edge"], match["filling"], float(match["fraction"]))

    def describe(self) -> dict[str, Any]:
        """Return the fields of ``cell.condition``."""
        return {
            "name": self.name,
            "kind": self.kind,
            "edge": self.edge,
            "filling": self.filling,
            "fraction": self.fraction,
        }


@dataclass(frozen=True, slots=True)
class Sequenced:
    """Sequences of frames of one perturbation.

    Attributes:
        perturbation: A name of ``FRAMES``.
    """

    perturbation: str

    kind = "sequence"

    def __post_init__(self) -> None:
        if self.perturbation not in FRAMES:
            raise unknown_name("perturbation of a sequence", self.perturbation, list(FRAMES))

    @property
    def name(self) -> str:
        """Such as ``sequence-tilt``."""
        return sequence_condition(self.perturbation)

    def describe(self) -> dict[str, Any]:
        """Return the fields of ``cell.condition``."""
        return {"name": self.name, "kind": self.kind, "perturbation": self.perturbation}


@dataclass(frozen=True, slots=True)
class Attacked:
    """One adversarial attack, at one eps or at a ladder of them; another library's at one eps or without a budget."""

    attack: AttackSpec | Foreign

    kind = "attack"

    @property
    def name(self) -> str:
        """Such as ``fgsm-linf@8/255``, ``pgd10-linf`` or ``torchattacks:CW``."""
        return self.attack.name

    def describe(self) -> dict[str, Any]:
        """Return the fields of ``cell.condition``."""
        attack = self.attack
        if isinstance(attack, Foreign):
            return {"name": self.name, "kind": self.kind, **attack.describe()}
        return {
            "name": self.name,
            "kind": self.kind,
            "attack": attack.rule,
            "norm": attack.norm,
            "eps": [format_eps(eps, attack.norm) for eps in attack.eps],
            "eps_value": [float(eps) for eps in attack.eps],
            "steps": attack.steps,
            "step_ratio": str(attack.step_ratio),
            "restarts": attack.restarts,
            "random_start": attack.random_start,
            "single_step": ATTACKS[attack.rule].single_step,
        }


Condition = Clean | Shifted | Corrupted | Windowed | Sequenced | Attacked


def parse_conditions(name: str) -> tuple[Condition, ...]:
    """Read a condition, or several severities of a corruption: ``fog``, all five, or ``fog@1-3``.

    Raises:
        UsageError: If it is neither.
    """
    corruption, at, severities = name.partition("@")
    if corruption not in CORRUPTIONS and corruption not in IMAGENET_3DCC:
        if _RANGE.fullmatch(name):
            raise unknown_name("corruption", corruption, list(CORRUPTIONS))
        return (parse_condition(name),)
    if not at:
        return tuple(Corrupted(corruption, severity) for severity in SEVERITIES)
    match = _SEVERITIES.fullmatch(severities)
    if match is None:
        raise UsageError(
            f"{name!r} cannot be read; a corruption takes one severity or a range, such as {corruption}@3 or "
            f"{corruption}@1-3, and alone it stands for all five."
        )
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if last < first or {first, last} - set(SEVERITIES):
        raise UsageError(f"{name}: severities go from 1 to 5, the smaller one first, such as {corruption}@1-3.")
    return tuple(Corrupted(corruption, severity) for severity in range(first, last + 1))


def parse_condition(name: str) -> Condition:
    """Read the name of one condition.

    Raises:
        UsageError: If it is none.
    """
    if name == Clean.name:
        return Clean()
    if name.startswith("window-"):
        return Windowed.parse(name)
    if name.startswith(PREFIX):
        return Sequenced(name.removeprefix(PREFIX))
    if is_foreign(name):
        return Attacked(parse_foreign(name))
    match = _CORRUPTED.fullmatch(name)
    if match and match["corruption"] not in ATTACKS:
        return Corrupted(match["corruption"], int(match["severity"]))
    return Attacked(parse_attack(name))
