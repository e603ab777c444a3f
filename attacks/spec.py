"""An attack with all its parameters, and the condition name that stands for it."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from robustsweep.attacks.eps import format_eps, parse_eps
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.protocols import PROTOCOLS, TORCHATTACKS, WORST_ITERATE
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.attacks.steps.rules import Rule
from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.values import require_kind

_NAME = re.compile(
    r"(?P<rule>[a-z]+(?:-[a-z]+)*)(?P<steps>[0-9]{1,4})?(?:x(?P<restarts>[0-9]{1,4}))?-(?P<norm>[a-z0-9]+)"
    r"@(?P<eps>[0-9./,]+)(?::step=(?P<step>[0-9./]+))?(?::loss=(?P<loss>[a-z]+(?:-[a-z]+)*))?"
    r"(?P<clean_start>:start=clean)?(?::protocol=(?P<protocol>[a-z-]+))?"
)
MOST_STEPS = 9999
"""Of an attack from one start; also the most starts."""
# What that library drives in this way; its Auto-PGD keeps the best iterate.
_OF_TORCHATTACKS = ("fgsm", "bim", "pgd", "mifgsm")


@dataclass(frozen=True, slots=True)
class AttackSpec:
    """Everything that decides what an attack does to an image, but for the seed and the model.

    Attributes:
        rule: Name in ``ATTACKS``.
        norm: ``"linf"`` or ``"l2"``.
        eps: Budgets in units of the pixel range [0, 1], ascending; several make a ladder.
        steps: Steps from each start.
        step_ratio: Step size divided by eps; for Auto-PGD that of the first step.
        restarts: Starts per eps; for a targeted loss the target classes, the likeliest first, as far as there are so
            many.
        random_start: Whether a start is a random point of the ball, else the clean image.
        loss: Name in ``LOSSES``.
        protocol: Name in ``PROTOCOLS``: what is driven how far, and which iterate is judged.

    Raises:
        UsageError: If the parameters do not make one attack; the message says which and why.
    """

    rule: str
    norm: str
    eps: tuple[Fraction, ...]
    steps: int
    step_ratio: Fraction
    restarts: int = 1
    random_start: bool = True
    loss: str = "ce"
    protocol: str = WORST_ITERATE

    def __post_init__(self) -> None:
        self._check_types()
        rule = ATTACKS[self.rule]
        find_norm(self.norm)
        if self.norm not in rule.norms:
            raise UsageError(f"{self.rule} is defined for {' and '.join(rule.norms)}, not for {self.norm}.")
        loss = LOSSES[self.loss]
        if self.loss not in rule.losses:
            raise UsageError(f"{self.rule} climbs the loss {' or '.join(rule.losses)}, not {self.loss}.")
        self._check_protocol()
        self._check_eps(rule.single_step)
        self._check_steps(rule, loss.targeted)

    def _check_types(self) -> None:
        for name in ("rule", "norm", "loss", "protocol"):
            require_kind(getattr(self, name), str, f"{name} of an attack must be a string")
        for name in ("steps", "restarts"):
            require_kind(getattr(self, name), int, f"{name} of an attack must be a whole number")
        require_kind(self.eps, tuple, "eps of an attack must be a tuple", hint="write (parse_eps('8/255'),)")
        require_kind(self.step_ratio, Fraction | int, "step_ratio of an attack must be a fraction of eps")

    def _check_steps(self, rule: Rule, targeted: bool) -> None:
        if not (1 <= self.steps <= MOST_STEPS and 1 <= self.restarts <= MOST_STEPS):
            raise UsageError(
                f"{self.rule} needs 1 to {MOST_STEPS} steps and restarts, got {self.steps} and {self.restarts}."
            )
        if self.step_ratio <= 0:
            raise UsageError(f"{self.rule} needs a step size above zero, got {self.step_ratio} times eps.")
        if rule.single_step and (self.steps, self.step_ratio, self.restarts, self.random_start) != (
            1,
            Fraction(1),
            1,
            False,
        ):
            raise UsageError(
                f"{self.rule} is one step of size eps from the clean image: it takes no other number of steps, no "
                "other step size, no restarts and no random start. Use pgd for those."
            )
        if self.random_start and not rule.random_start:
            raise UsageError(f"{self.rule} starts at the clean image by definition; use pgd for a random start.")
        if rule.minimum_norm and self.step_ratio != rule.step_ratio:
            raise UsageError(f"{self.rule} has step sizes of its own: leave out :step={self.step_ratio}.")
        if self.restarts > 1 and not self.random_start and not targeted:
            raise UsageError(f"{self.restarts} restarts from the clean image are all the same; use a random start.")

    def _check_protocol(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise unknown_name("protocol", self.protocol, list(PROTOCOLS))
        if self.protocol == TORCHATTACKS and (self.rule not in _OF_TORCHATTACKS or self.loss != "ce"):
            raise UsageError(
                f"The torchattacks protocol is defined for {', '.join(_OF_TORCHATTACKS)} on the cross-entropy, not for "
                f"{self.rule} on {self.loss}."
            )
        if self.protocol == TORCHATTACKS and (len(self.eps) > 1 or self.restarts > 1):
            raise UsageError(
                f"In the torchattacks protocol {self.rule} takes one eps and one start: nothing is dropped there that "
                "another could go on with. Write one condition per eps."
            )

    def _check_eps(self, single_step: bool) -> None:
        if not all(isinstance(eps, Fraction) for eps in self.eps):
            raise UsageError(f"{self.rule} needs eps as exact fractions, got {self.eps}; write parse_eps('8/255').")
        if not self.eps or self.eps[0] <= 0 or any(b <= a for a, b in zip(self.eps, self.eps[1:], strict=False)):
            listed = ", ".join(map(str, self.eps)) or "none"
            raise UsageError(f"{self.rule} needs eps above zero in ascending order, each once; got {listed}.")
        if single_step and len(self.eps) > 1:
            raise UsageError(
                f"{self.rule} takes one eps per condition: a single step that fools at one eps may fail at a larger "
                f"one, so its eps cannot be nested. Write {len(self.eps)} conditions."
            )
        if self.norm == "linf" and self.eps[-1] > 1:
            raise UsageError(f"eps {self.eps[-1]} exceeds the pixel range [0, 1]; write 8/255, not 8.")
        if len(self.eps) > 127:
            raise UsageError(f"A ladder holds at most 127 eps, got {len(self.eps)}.")

    @property
    def fewest_classes(self) -> int:
        """The fewest classes that its loss is defined for."""
        return LOSSES[self.loss].classes

    @property
    def name(self) -> str:
        """The condition's name, such as ``fgsm-linf@8/255``, ``pgd10x5-l2@0.5``, or ``pgd10-linf`` for a ladder.

        A step size, loss or start other than the rule's own is appended:
        ``pgd20-linf@4/255:step=1/2:loss=dlr:start=clean``.
        """
        rule = ATTACKS[self.rule]
        steps = "" if rule.single_step else str(self.steps)
        restarts = "" if self.restarts == rule.restarts else f"x{self.restarts}"
        eps = f"@{format_eps(self.eps[0], self.norm)}" if len(self.eps) == 1 else ""
        ratio = "" if self.step_ratio == rule.step_ratio else f":step={self.step_ratio}"
        loss = "" if self.loss == rule.losses[0] else f":loss={self.loss}"
        clean_start = ":start=clean" if rule.random_start and not self.random_start else ""
        protocol = "" if self.protocol == WORST_ITERATE else f":protocol={self.protocol}"
        return f"{self.rule}{steps}{restarts}-{self.norm}{eps}{ratio}{loss}{clean_start}{protocol}"

    def identity(self) -> dict[str, Any]:
        """Return every parameter as JSON values; fractions as exact strings that ``parse_eps`` reads.

        A field that came later appears only if it is not the default, so that older attacks keep their identity.
        """
        later = {} if self.protocol == WORST_ITERATE else {"protocol": self.protocol}
        return {
            "rule": self.rule,
            "norm": self.norm,
            "eps": [str(eps) for eps in self.eps],
            "steps": self.steps,
            "step_ratio": str(self.step_ratio),
            "restarts": self.restarts,
            "random_start": self.random_start,
            "loss": self.loss,
            **later,
        }


def parse_attack(name: str) -> AttackSpec:
    """Read a condition name; what it leaves out is the rule's own setting.

    Args:
        name: ``RULE[STEPS][xRESTARTS]-NORM@EPS[,EPS...][:step=RATIO][:loss=LOSS][:start=clean][:protocol=NAME]``, such
            as ``fgsm-linf@1/255``, ``pgd10-linf@1/255,2/255`` (a ladder), ``pgd20x2-l2@0.5`` or
            ``apgd-ce100-linf@8/255``. RATIO is the step size divided by eps.

    Raises:
        UsageError: If the name does not have this form or its parts do not make one attack.
    """
    require_kind(name, str, "An attack's name must be a string such as 'pgd10-linf@8/255'")
    match = _NAME.fullmatch(name)
    if match is None:
        raise UsageError(
            f"Attack {name!r} cannot be read; write RULE[STEPS][xRESTARTS]-NORM@EPS[,EPS...], such as fgsm-linf@8/255, "
            "pgd10-linf@1/255,2/255 or pgd20x2-l2@0.5."
        )
    rule = ATTACKS[match["rule"]]
    if not rule.single_step and match["steps"] is None:
        raise UsageError(f"Attack {name!r} does not say how many steps; write {match['rule']}10-{match['norm']}@...")
    return AttackSpec(
        rule=match["rule"],
        norm=match["norm"],
        eps=tuple(parse_eps(text) for text in match["eps"].split(",")),
        steps=int(match["steps"] or 1),
        step_ratio=parse_eps(match["step"]) if match["step"] else rule.step_ratio,
        restarts=int(match["restarts"] or rule.restarts),
        random_start=rule.random_start and match["clean_start"] is None,
        loss=match["loss"] or rule.losses[0],
        protocol=match["protocol"] or WORST_ITERATE,
    )
