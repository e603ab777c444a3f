"""The judge of other libraries' attacks: the images are theirs, the verdicts are ours.

An image counts as fooled if a float32 pass of the model itself on the returned image says so. A library returns one
image, most often its last iterate: an image that was fooled on the way and is not at the end counts as robust here,
while the step rules of this package count it as fooled.

These attacks draw from global generators for a whole batch. They are seeded from the seed, the attack and the batch's
ids, so that a batch of the same images in the same order gives the same result; other batches give other draws.
"""

import hashlib
import re
import warnings
from collections import Counter

import torch
from torch import Tensor, nn

from robustsweep.attacks.adapters.batch import Batch
from robustsweep.attacks.adapters.foreign import BATCH_SIZE, FAMILIES, Foreign, missing, parse_foreign
from robustsweep.attacks.adapters.isolation import Shield, seeded, untouched
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.outcome import AttackOutcome
from robustsweep.attacks.target import Target, check_attackable, check_labels, device_of, evaluation_context
from robustsweep.errors import AttackError, RobustsweepError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.values import require_kind, whole_number

_TOLERANCE = 1e-6


def run_foreign(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: Foreign | str,
    *,
    seed: int,
    ids: Tensor,
    keep_images: bool = False,
    keep_first: int = 0,
) -> AttackOutcome:
    """Attack every image that the model gets right with another library, and judge what it returns.

    Args:
        model: On images in [0, 1], in eval mode, on the device to use. It is left as it is.
        images: float32 (N, C, H, W), in [0, 1]; taken ``BATCH_SIZE`` at a time, in this order.
        labels: int64 (N,).
        spec: The attack, or its name, such as ``"torchattacks:PGD@8/255"``; see ``parse_foreign``.
        seed: The run's seed.
        ids: int64 (N,), what a batch's draws belong to.
        keep_images: Whether the outcome holds the images.
        keep_first: How many of the images, from the first on, it holds otherwise.

    Returns:
        Verdicts with the one eps level 0; ``restart`` and ``step`` are 0 if the image is fooled, as the library does
        not tell them. Without a budget ``l2`` and ``linf`` hold the distances.

    Raises:
        DataError: If images, labels or ids are not as described.
        UsageError: If the model is in training mode or does not return logits.
        MissingDependencyError: If the library is not installed.
        AttackError: If the library fails, or returns images that are not finite, outside the box or beyond the budget
            by more than 1e-6, or if it changes the model.
    """
    check_attackable(model, images, labels, ids)
    spec = parse_foreign(spec) if isinstance(spec, str) else spec
    require_kind(
        spec, Foreign, "An attack of another library must be a Foreign, or a name such as 'torchattacks:PGD@8/255'"
    )
    seed = whole_number(seed, "seed")
    target = Target(model, model, LOSSES["ce"], spec.name)
    device = device_of(model, images.device)
    n_kept = len(images) if keep_images else keep_first
    parts, kept, told = [], [], Counter[str]()
    with evaluation_context(), untouched(model, spec.name) as shield:
        for rows in torch.split(torch.arange(len(images)), BATCH_SIZE):
            batch_images = images[rows.to(images.device)].to(device).clamp(0.0, 1.0)
            batch_labels, batch_ids = labels[rows.to(labels.device)].to(device), ids[rows.to(ids.device)]
            adversarial, part, messages = _judged(target, shield, batch_images, batch_labels, batch_ids, spec, seed)
            kept.append(adversarial[: max(0, n_kept - int(rows[0]))])
            parts.append(part)
            told.update(list(dict.fromkeys(messages)))
    eps_level, logits, l2, linf = (torch.cat(column) for column in zip(*parts, strict=True))
    fooled = torch.where(eps_level == 0, 0, -1).to(torch.int16)
    return AttackOutcome(
        eps_level,
        fooled,
        fooled.clone(),
        logits,
        torch.cat(kept).to(images.device) if n_kept else None,
        tuple(f"{spec.name} warns in {n} of {len(parts)} batches: {message}" for message, n in told.items()),
        *((l2, linf) if spec.eps is None else (None, None)),
    )


def _judged(
    target: Target, shield: Shield, images: Tensor, labels: Tensor, ids: Tensor, spec: Foreign, seed: int
) -> tuple[Tensor, tuple[Tensor, ...], list[str]]:
    """Attack one batch; return images; eps level, logits, L2 and Linf distances; and what the library warned of."""
    logits = target.verdict(images)
    check_labels(labels, logits)
    right = logits.argmax(1) == labels
    eps_level = torch.where(right, 1, -1).to(torch.int8)
    adversarial, messages = images.clone(), list[str]()
    if right.any():
        seed = _batch_seed(seed, spec, ids[right.to(ids.device)])
        eps = None if spec.eps is None else float(spec.eps)
        batch = Batch(
            shield, images[right].contiguous(), labels[right], spec.attack, spec.norm, eps, logits.shape[1], seed
        )
        returned, messages = _run(batch, spec)
        adversarial[right] = _checked(returned, batch, spec)
        logits[right] = target.verdict(adversarial[right])
        eps_level[right & (logits.argmax(1) != labels)] = 0
    moved = adversarial - images
    distances = [find_norm(norm).length(moved).to(torch.float32).cpu() for norm in ("l2", "linf")]
    return adversarial.cpu(), (eps_level.cpu(), logits.cpu(), *distances), messages


def _batch_seed(seed: int, spec: Foreign, ids: Tensor) -> int:
    digest = hashlib.blake2b(f"{seed}\0{spec.name}\0".encode(), digest_size=4)
    digest.update(ids.cpu().contiguous().numpy().astype("<i8").tobytes())
    return int.from_bytes(digest.digest(), "little")


def _run(batch: Batch, spec: Foreign) -> tuple[Tensor, list[str]]:
    family = FAMILIES[spec.family]
    try:
        # Libraries warn of what their own code does with newer versions of others.
        with foreign_code(), warnings.catch_warnings(), seeded(batch.seed):
            warnings.simplefilter("ignore")
            returned, messages = family.adapter(batch)
    except RobustsweepError as error:
        raise type(error)(f"{spec.name}: {error}") from None
    except ModuleNotFoundError as error:
        raise missing(spec.family) from error
    except Exception as error:  # another package's code can raise anything
        raise AttackError(f"{spec.name} failed inside {family.package} ({described(error)}).") from error
    # Counts and shares differ between batches; the flag is the same.
    return returned, [re.sub(r"\d+(?:\.\d+)?(?=%| points)", "some", message) for message in messages]


def _checked(returned: object, batch: Batch, spec: Foreign) -> Tensor:
    """Return the images as float32 within budget and box, from which they may depart by rounding alone."""
    shape = tuple(batch.images.shape)
    if not isinstance(returned, Tensor) or returned.shape != batch.images.shape:
        came = tuple(returned.shape) if isinstance(returned, Tensor) else type(returned).__name__
        raise AttackError(f"{spec.name} should return images {shape}, it returned {came}.")
    images = returned.detach().to(batch.images)
    if not images.isfinite().all():
        n_broken = int((~images.isfinite()).flatten(1).any(1).sum())
        raise AttackError(f"{spec.name} returned pixels that are not finite (NaN or infinity) in {n_broken} images.")
    low, high = (float(value) for value in torch.aminmax(images))
    if low < -_TOLERANCE or high > 1.0 + _TOLERANCE:
        raise AttackError(f"{spec.name} left the box [0, 1]: its pixels span {low:.6g} to {high:.6g}.")
    images = images.clamp(0.0, 1.0)
    if batch.eps is None:
        return images
    norm = find_norm(spec.norm)
    largest = float(norm.length(images - batch.images).max())
    if largest > batch.eps + _TOLERANCE:
        raise AttackError(
            f"{spec.name} left its budget: the largest {spec.norm} distance is {largest:.6g}, eps is {batch.eps:.6g}."
        )
    return norm.project(images, batch.images, batch.eps).clamp(0.0, 1.0)
