"""Every attack of torchattacks 3.5.1, untargeted, with the settings that its constructor has there.

What this file works around: the number of classes is 10 there unless one says otherwise, which decides the targets of
APGDT, FAB and AutoAttack; JSMA aims at the next class modulo 10 for any number of classes, here at the next class
modulo the classes there are; a model without parameters has no device there, and is told of on the standard output.

What it does not: Square in L2, and with it AutoAttack, fails on images of fewer than 15 pixels a side; JSMA keeps
several matrices of features by features, too many for photos; APGDT and AutoAttack need four classes.

MultiAttack and LGV are not here: one joins other attacks, the other trains models on data of its own.

Source: Kim, "Torchattacks: A PyTorch repository for adversarial attacks" (2020), the package's version 3.5.1.
"""

import contextlib
import importlib
import io
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from robustsweep.attacks.adapters.batch import LIBRARY_NORMS, Batch


@dataclass(frozen=True, slots=True)
class Entry:
    """What the constructor of one class takes, beside the model.

    Attributes:
        norms: The norms that it is defined for, its own first; empty if it has no budget.
        eps: Name of the budget's argument.
        takes_norm: Whether the norm is an argument.
        takes_classes: Whether the number of classes is an argument.
        takes_seed: Whether the seed is an argument.
    """

    norms: tuple[str, ...] = ("linf",)
    eps: str = "eps"
    takes_norm: bool = False
    takes_classes: bool = False
    takes_seed: bool = False


_LINF = (
    "FGSM", "BIM", "RFGSM", "PGD", "EOTPGD", "FFGSM", "TPGD", "MIFGSM", "UPGD", "DIFGSM", "TIFGSM", "Jitter", "NIFGSM",
    "PGDRS", "SINIFGSM", "VMIFGSM", "VNIFGSM", "SPSA",
)  # fmt: skip
_WITHOUT_BUDGET = (
    "VANILA", "GN", "CW", "DeepFool", "EADEN", "EADL1", "SparseFool", "OnePixel", "Pixle", "JSMA",
)  # fmt: skip
_BOTH = ("linf", "l2")

CATALOGUE: dict[str, Entry] = {
    **{name: Entry() for name in _LINF},
    **{name: Entry(eps="max_epsilon") for name in ("PIFGSM", "PIFGSMPP")},
    **{name: Entry(("l2",)) for name in ("PGDL2", "PGDRSL2")},
    **{name: Entry(_BOTH, takes_norm=True, takes_seed=True) for name in ("APGD", "Square")},
    **{
        name: Entry(_BOTH, takes_norm=True, takes_classes=True, takes_seed=True)
        for name in ("APGDT", "FAB", "AutoAttack")
    },
    **{name: Entry(()) for name in _WITHOUT_BUDGET},
}
"""The classes by name."""


def attack_batch(batch: Batch) -> tuple[Tensor, tuple[str, ...]]:
    """Attack a batch with a class of ``CATALOGUE``; the result is the library's, with nothing to warn of.

    Raises:
        ImportError: If the library is not installed.
    """
    library = importlib.import_module("torchattacks")
    entry = CATALOGUE[batch.attack]
    arguments: dict[str, Any] = {}
    if batch.eps is not None:
        arguments[entry.eps] = batch.eps
    if entry.takes_norm:
        arguments["norm"] = LIBRARY_NORMS[batch.norm]
    if entry.takes_classes:
        arguments["n_classes"] = batch.classes
    if entry.takes_seed:
        arguments["seed"] = batch.seed
    with contextlib.redirect_stdout(io.StringIO()):
        attack = getattr(library, batch.attack)(batch.model, **arguments)
    attack.set_device(batch.images.device)
    if batch.attack == "JSMA":
        attack.set_mode_targeted_by_function(lambda _, labels: (labels + 1) % batch.classes, quiet=True)
    images: Tensor = attack(batch.images, batch.labels)
    return images, ()
