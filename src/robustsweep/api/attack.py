"""Adversarial attacks on a network in memory: one result per eps."""

from collections.abc import Sequence
from typing import Any, overload

import torch
from torch import Tensor, nn

from robustsweep.api.eps_ladder import AttackResult, Ladder
from robustsweep.api.inputs.live_model import Normalise, on_unit_images
from robustsweep.attacks import AttackSpec, Foreign, format_eps, is_foreign, parse_attack, parse_foreign
from robustsweep.attacks.eps import exact_eps
from robustsweep.attacks.functional import Eps
from robustsweep.attacks.target import ids_or_positions
from robustsweep.errors import UsageError
from robustsweep.values import require_kind


@overload
def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | Sequence[int],
    name: str,
    *,
    eps: None = None,
    seed: int = 0,
    ids: Tensor | None = None,
    normalise: Normalise | None = None,
    batch_size: int = 128,
) -> AttackResult: ...
@overload
def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | Sequence[int],
    name: str,
    *,
    eps: Sequence[Eps],
    seed: int = 0,
    ids: Tensor | None = None,
    normalise: Normalise | None = None,
    batch_size: int = 128,
) -> list[AttackResult]: ...
def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | Sequence[int],
    name: str,
    *,
    eps: Sequence[Eps] | None = None,
    seed: int = 0,
    ids: Tensor | None = None,
    normalise: Normalise | None = None,
    batch_size: int = 128,
) -> AttackResult | list[AttackResult]:
    """Attack every image that a network classifies correctly.

    With several eps an iterative attack goes from the smallest up, and only images that are still classified correctly
    go on, as in the ladders of a sweep; a single step is taken at each eps by itself.

    Args:
        model: On images in [0, 1] (see ``normalise``), in evaluation mode; it is left as it is.
        images: float32 (N, ...) in [0, 1], or uint8.
        labels: Whole numbers, (N,).
        name: Such as ``"pgd10-linf@8/255"``, ``"fgsm-linf@2/255"``, ``"apgd-ce100-l2@0.5"`` or
            ``"torchattacks:CW"``, see ``robustsweep list attacks``; without ``@EPS`` if ``eps`` is given.
        eps: Several budgets, such as ``["1/255", "2/255", 8 / 255]``.
        seed: Seed of the random starts; the same as that of a sweep.
        ids: int64 (N,), what the random starts belong to; None: positions.
        normalise: What the network expects: a name such as ``"imagenet"``, or means and deviations; None: it takes
            images in [0, 1].
        batch_size: Images per forward pass.

    Returns:
        One result; with ``eps`` a list, in the order of ``eps``.

    Raises:
        UsageError: If the name or an eps cannot be read, or the network is in training mode.
        DataError: If images, labels or ids do not fit.
        AttackError: If the network gives no gradient, or something that is not finite.

    Examples:
        >>> import torch
        >>> from robustsweep import attack
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 10)).eval()
        >>> images, labels = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 3])
        >>> result = attack(network, images, labels, "pgd10-linf@8/255")
        >>> result.eps, bool((result.images - images).abs().max() <= 8 / 255 + 1e-6)
        ('8/255', True)
        >>> [one.eps for one in attack(network, images, labels, "pgd10-linf", eps=["1/255", "2/255"])]
        ['1/255', '2/255']
    """
    network = on_unit_images(model, normalise)
    pixels = images.float().div(255.0) if isinstance(images, Tensor) and images.dtype == torch.uint8 else images
    ids = ids_or_positions(pixels, ids)
    labels = torch.as_tensor(labels)
    run = Ladder(network, pixels, labels if labels.is_floating_point() else labels.long(), ids, seed, batch_size)
    if eps is None:
        spec = _parsed(name)
        if isinstance(spec, AttackSpec) and len(spec.eps) > 1:
            base, _, _ = name.partition("@")
            raise UsageError(
                f"{name} has {len(spec.eps)} eps; write attack(..., {base!r}, eps=[...]) for one result each."
            )
        return next(run.results([spec]))
    specs = [_parsed(_with_eps(name, one)) for one in _several(eps)]
    ascending = sorted(dict.fromkeys(specs), key=_number)
    results = dict(zip(ascending, run.results(ascending), strict=True))
    return [results[spec] for spec in specs]


def _parsed(name: str) -> AttackSpec | Foreign:
    return parse_foreign(name) if is_foreign(name) else parse_attack(name)


def _several(eps: Any) -> Sequence[Eps]:
    if isinstance(eps, str) or not isinstance(eps, Sequence) or not eps:
        raise UsageError(f"eps must be a list of budgets, such as ['1/255', '2/255'], got {eps!r}.")
    return eps


def _with_eps(name: str, eps: Eps) -> str:
    """Put a budget where it stands in the name of a condition."""
    require_kind(name, str, "An attack's name must be a string such as 'pgd10-linf'")
    if "@" in name:
        raise UsageError(f"{name} has an eps, and eps= gives others; write {name.partition('@')[0]!r}.")
    rule, colon, options = (name, "", "") if is_foreign(name) else name.partition(":")
    return f"{rule}@{format_eps(exact_eps(eps))}{colon}{options}"


def _number(spec: AttackSpec | Foreign) -> float:
    eps = spec.eps[0] if isinstance(spec, AttackSpec) else spec.eps
    return 0.0 if eps is None else float(eps)
