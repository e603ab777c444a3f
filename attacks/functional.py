"""Attacks as plain functions, for notebooks: images in, adversarial images out.

Images that the model gets wrong come back as they are; the others as the first iterate that fools the model, or as the
last one if none does. torchattacks 3.5.1 returns the last iterate of every image instead.
"""

from fractions import Fraction

from torch import Tensor, nn

from robustsweep.attacks.engine import run_attack
from robustsweep.attacks.eps import exact_eps
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.target import ids_or_positions
from robustsweep.values import whole_number

Eps = Fraction | float | str


def fgsm(model: nn.Module, images: Tensor, labels: Tensor, *, eps: Eps = 8 / 255) -> Tensor:
    """Attack with the fast gradient sign method (Linf).

    Args:
        model: On images in [0, 1], in eval mode.
        images: float32 (N, ...), in [0, 1].
        labels: int64 (N,).
        eps: Budget in units of the pixel range; ``8 / 255`` and ``"8/255"`` are the same.

    Returns:
        float32 (N, ...), on the images' device.

    Raises:
        RobustsweepError: As ``run_attack``.
    """
    spec = AttackSpec("fgsm", "linf", (exact_eps(eps),), steps=1, step_ratio=Fraction(1), random_start=False)
    return _images(model, images, labels, spec, seed=0, ids=None)


def fgm_l2(model: nn.Module, images: Tensor, labels: Tensor, *, eps: Eps = 0.5) -> Tensor:
    """Attack with the fast gradient method in L2; arguments, result and errors as for ``fgsm``."""
    spec = AttackSpec("fgm", "l2", (exact_eps(eps),), steps=1, step_ratio=Fraction(1), random_start=False)
    return _images(model, images, labels, spec, seed=0, ids=None)


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    eps: Eps = 8 / 255,
    steps: int = 10,
    step: Eps | None = None,
    norm: str = "linf",
    restarts: int = 1,
    seed: int = 0,
    ids: Tensor | None = None,
) -> Tensor:
    """Attack with projected gradient ascent from random starts; other arguments and errors as for ``fgsm``.

    Args:
        model: On images in [0, 1], in eval mode.
        images: float32 (N, ...), in [0, 1].
        labels: int64 (N,).
        eps: Budget in units of the pixel range.
        steps: Steps from each start.
        step: Step size in the units of eps; a quarter of eps if None.
        norm: ``"linf"`` or ``"l2"``.
        restarts: Starts; an image stands only if it stands all of them.
        seed: Of the random starts.
        ids: int64 (N,), what the random starts belong to; the positions 0..N-1 if None.

    Returns:
        float32 (N, ...), on the images' device.
    """
    steps, restarts, budget = whole_number(steps, "steps"), whole_number(restarts, "restarts"), exact_eps(eps)
    ratio = Fraction(1, 4) if step is None else exact_eps(step) / budget
    spec = AttackSpec("pgd", norm, (budget,), steps=steps, step_ratio=ratio, restarts=restarts)
    return _images(model, images, labels, spec, seed=seed, ids=ids)


def _images(
    model: nn.Module, images: Tensor, labels: Tensor, spec: AttackSpec, *, seed: int, ids: Tensor | None
) -> Tensor:
    ids = ids_or_positions(images, ids)
    outcome = run_attack(model, images, labels, spec, seed=seed, ids=ids, keep_images=True)
    assert outcome.images is not None  # asked for
    return outcome.images
