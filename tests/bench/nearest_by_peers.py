"""The nearest images that fool, by our attacks and by those of other libraries, with about equal numbers of passes.

Attacks with a budget look for each image's smallest eps by bisection, eight runs in all.
"""

import importlib
import math
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from robustsweep.attacks import parse_attack, run_attack
from robustsweep.attacks.norms import find_norm

Nearest = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Maps a network, images (n, ...) and labels to images of the same shape; what does not fool counts as not found."""
WithinEps = Callable[[nn.Module, Tensor, Tensor, float], Tensor]

ROUNDS = 8
FIRST_EPS = {"linf": 8 / 255, "l2": 0.5}
_APGD_NORMS = {"linf": "Linf", "l2": "L2"}


@dataclass(frozen=True, slots=True)
class Contender:
    """One attack with about a number of passes.

    Attributes:
        library: Whose it is.
        name: What the chart calls it.
        budget: The passes per image that its steps were chosen for.
        find: Runs it.
    """

    library: str
    name: str
    budget: int
    find: Nearest


def contenders(norm: str, budget: int) -> Iterator[Contender]:
    """Yield the attacks in a norm whose libraries are installed, with the steps that make about ``budget`` passes."""
    halved, per_round = max(2, budget // 2 - 1), max(3, budget // (2 * ROUNDS))
    makers = {"robustsweep": _ours, "adv-lib": _adv_lib, "foolbox": _foolbox}
    makers |= {"torchattacks": _torchattacks, "pyautoattack": _pyautoattack}
    modules = {"adv-lib": "adv_lib"}
    for library, make in makers.items():
        if find_spec(modules.get(library, library)):
            for name, find in make(norm, halved, per_round):
                yield Contender(library, name, budget, find)


def bisected(attack: WithinEps, norm: str, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Look for the smallest eps at which an attack with a budget fools each image; images of one eps share a run."""
    n, length = len(images), find_norm(norm).length
    low, high, eps = torch.zeros(n), torch.full((n,), math.inf), torch.full((n,), FIRST_EPS[norm])
    found, distance = images.clone(), torch.full((n,), math.inf, dtype=torch.float64)
    for _ in range(ROUNDS):
        fooled = torch.zeros(n, dtype=torch.bool)
        for value in eps.unique():
            rows = (eps == value).nonzero().squeeze(1)
            adversarial = attack(model, images[rows], labels[rows], float(value)).detach()
            with torch.no_grad():
                wrong = model(adversarial).argmax(1) != labels[rows]
            far = length(adversarial - images[rows])
            nearer = wrong & (far < distance[rows])
            found[rows[nearer]], distance[rows[nearer]] = adversarial[nearer], far[nearer]
            fooled[rows] = wrong
        high, low = torch.where(fooled, eps, high), torch.where(fooled, low, eps)
        eps = torch.where(high.isinf(), 2 * low, (low + high) / 2)
    return found


def _engine(name: str, model: nn.Module, images: Tensor, labels: Tensor, eps: float = 1e-6) -> Tensor:
    """Run an attack of ours; one without a budget returns its nearest image if its eps is out of the way."""
    spec = parse_attack(f"{name}@{1 if name.endswith('linf') else 1000}")
    if eps > 1e-6:
        spec = replace(spec, eps=(Fraction(eps),))
    ids = torch.arange(len(images))
    outcome = run_attack(model, images, labels, spec, seed=0, ids=ids, keep_images=True, search="as-is")
    assert outcome.images is not None
    return outcome.images


def _ours(norm: str, halved: int, per_round: int) -> Iterator[tuple[str, Nearest]]:
    yield "nearest-pgd", partial(_engine, f"nearest-pgd{max(1, halved // 2)}-{norm}")
    yield "fmn", partial(_engine, f"fmn{halved}-{norm}")
    if norm == "l2":
        yield "ddn", partial(_engine, f"ddn{halved}-l2")
    yield "apgd-ce, bisected", partial(bisected, partial(_engine, f"apgd-ce{per_round}-{norm}"), norm)


def _adv_lib(norm: str, halved: int, per_round: int) -> Iterator[tuple[str, Nearest]]:
    # It imports visdom for live plots that nothing here draws.
    if "visdom" not in sys.modules and not find_spec("visdom"):
        sys.modules["visdom"] = types.ModuleType("visdom")
    attacks = importlib.import_module("adv_lib.attacks")
    order = math.inf if norm == "linf" else 2

    def apgd(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
        return attacks.apgd(model, images, labels, eps=eps, norm=order, n_iter=per_round)

    yield "FMN", lambda model, images, labels: attacks.fmn(model, images, labels, norm=order, steps=halved)
    if norm == "l2":
        yield "DDN", lambda model, images, labels: attacks.ddn(model, images, labels, steps=halved, levels=None)
    yield "APGD-DLR, bisected", partial(bisected, apgd, norm)


def _foolbox(norm: str, halved: int, per_round: int) -> Iterator[tuple[str, Nearest]]:
    import foolbox

    def run(attack: object, model: nn.Module, images: Tensor, labels: Tensor, eps: float | None = None) -> Tensor:
        wrapped = foolbox.PyTorchModel(model, bounds=(0, 1))
        return attack(wrapped, images, labels, epsilons=eps)[1]  # type: ignore[operator]

    fmn, pgd = ("LInfFMNAttack", "LinfPGD") if norm == "linf" else ("L2FMNAttack", "L2PGD")
    yield "FMN", partial(run, getattr(foolbox.attacks, fmn)(steps=halved))
    if norm == "l2":
        yield "DDN", partial(run, foolbox.attacks.DDNAttack(steps=halved))
    step = 2.5 / per_round
    yield (
        "PGD, bisected",
        partial(bisected, partial(run, getattr(foolbox.attacks, pgd)(steps=per_round, rel_stepsize=step)), norm),
    )


def _torchattacks(norm: str, halved: int, per_round: int) -> Iterator[tuple[str, Nearest]]:
    import torchattacks

    del halved

    def pgd(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
        kind = torchattacks.PGD if norm == "linf" else torchattacks.PGDL2
        return kind(model, eps=eps, alpha=2.5 * eps / per_round, steps=per_round)(images, labels)

    yield "PGD, bisected", partial(bisected, pgd, norm)


def _pyautoattack(norm: str, halved: int, per_round: int) -> Iterator[tuple[str, Nearest]]:
    from pyautoattack.autopgd_base import APGDAttack
    from pyautoattack.fab_pt import FABAttack_PT

    name = _APGD_NORMS[norm]

    def apgd(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
        attack = APGDAttack(model, n_iter=per_round, norm=name, eps=eps, seed=0, loss="ce", device=images.device)
        return attack.perturb(images, labels)

    def fab(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        # Each step takes the gradient of every class.
        steps = max(2, halved // 6)
        attack = FABAttack_PT(model, norm=name, n_iter=steps, eps=1e3, seed=0, device=images.device)
        return attack.perturb(images, labels)

    yield "APGD-CE, bisected", partial(bisected, apgd, norm)
    yield "FAB", fab
