"""The loop that drives a step rule over eps, restarts and images.

An image is judged by a float32 forward pass of the model itself on the stored image. It counts as fooled when that
pass says so, and these logits are the ones reported. Gradients come from a copy of the model with batch normalisation
folded away, or from the model: then the pass that judges an iterate also carries its gradient.

Random starts, steps and projections are the same in every batch, but a network's convolutions and matrix products may
round differently in batches of another size. This can turn a verdict between logits that agree to the last bits, or the
sign of a gradient entry next to zero; a network that computes each image alone gives the same verdicts in any batch.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from robustsweep.attacks.folded_network import N_COMPARED, search_model
from robustsweep.attacks.loops.checked_steps import Stepper
from robustsweep.attacks.loops.climb import Climb
from robustsweep.attacks.loops.last_iterate import judge_last_iterates
from robustsweep.attacks.loops.nearest import find_nearest
from robustsweep.attacks.loops.pool import Pool, pools
from robustsweep.attacks.loops.single_step import gradient_key, take_single_steps
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.outcome import AttackOutcome, Ledger
from robustsweep.attacks.protocols import TORCHATTACKS
from robustsweep.attacks.spec import AttackSpec, parse_attack
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.attacks.target import Target, check_attackable, check_labels, device_of, evaluation_context
from robustsweep.errors import UsageError
from robustsweep.registry import unknown_name
from robustsweep.values import require_kind, whole_number

SEARCHES = ("folded", "as-is")


def run_attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AttackSpec | str,
    *,
    seed: int,
    ids: Tensor,
    batch_size: int = 128,
    keep_images: bool = False,
    search: str = "folded",
) -> AttackOutcome:
    """Attack every image that the model gets right, at each eps in turn until one fools it.

    Each eps and each restart starts afresh from its own draw, whose stream is named after rule, norm, eps and restart:
    an eps of a ladder does to an image exactly what it would do alone. An image is dropped at the first iterate, its
    random start included, that fools it; the others are packed into full batches at every step. A spec of the
    torchattacks protocol drops nothing instead, nor does a minimum-norm attack, which runs once for all eps: an image
    falls at the first eps that the nearest image that fools is within. A targeted loss leads the image of restart k to
    the wrong class that is k + 1 places behind the label on the clean image, but any wrong class counts; there are at
    most as many starts as wrong classes.

    Args:
        model: On images in [0, 1], in eval mode, on the device to use. Its parameters, buffers, gradients, flags and
            modes are left as they are.
        images: float32 (N, ...), in [0, 1].
        labels: int64 (N,).
        spec: The attack, or its name, such as ``"pgd10-linf@8/255"``; see ``parse_attack``.
        seed: The run's seed.
        ids: int64 (N,), what the images' random starts belong to.
        batch_size: Images per forward pass.
        keep_images: Whether the outcome holds the images.
        search: ``"folded"``: gradients come from a copy with batch normalisation folded into convolutions, if that
            copy agrees with the model, and otherwise the outcome says so; ``"as-is"``: from the model. Verdicts are
            the model's. The torchattacks protocol and minimum-norm attacks always search on the model.

    Raises:
        DataError: If images, labels or ids are not as described.
        UsageError: If the model is in training mode, does not return logits, or has too few classes for the loss; or if
            the spec cannot be read.
        AttackError: If the rule leaves its budget by more than 1e-6, or anything is not finite.
    """
    (outcome,) = run_attacks(
        model,
        images,
        labels,
        (spec,),
        seed=seed,
        ids=ids,
        batch_size=batch_size,
        keep_images=keep_images,
        search=search,
    )
    return outcome


def run_attacks(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    specs: Sequence[AttackSpec | str],
    *,
    seed: int,
    ids: Tensor,
    batch_size: int = 128,
    keep_images: bool = False,
    keep_first: int = 0,
    search: str = "folded",
) -> tuple[AttackOutcome, ...]:
    """Run attacks that share their gradients: one attack, or single-step attacks that differ in eps alone.

    Each gives the verdicts that ``run_attack`` gives for it; arguments and errors are described there.

    Args:
        model: As for ``run_attack``, like all that follow.
        images: float32 (N, ...).
        labels: int64 (N,).
        specs: The attacks or their names, at least one; several must have one ``gradient_key``.
        seed: The run's seed.
        ids: int64 (N,).
        batch_size: Images per forward pass.
        keep_images: Whether the outcomes hold the images.
        keep_first: How many of the images, from the first on, they hold otherwise.
        search: ``"folded"`` or ``"as-is"``.

    Returns:
        One outcome per spec.
    """
    check_attackable(model, images, labels, ids)
    attacks = [_parsed(spec) for spec in ([specs] if isinstance(specs, str | AttackSpec) else specs)]
    seed, batch_size = whole_number(seed, "seed"), whole_number(batch_size, "batch_size")
    _check_options(attacks, batch_size, search)
    device = device_of(model, images.device)
    with evaluation_context():
        ledgers = [Ledger(spec, images, len(images) if keep_images else keep_first) for spec in attacks]
        target = _target(model, images[:N_COMPARED].to(device), attacks, ledgers, search)
        for pool in pools(images, labels, ids, batch_size, device):
            _attack(target, attacks, pool, ledgers, seed, batch_size)
        return tuple(ledger.outcome() for ledger in ledgers)


def _parsed(spec: AttackSpec | str) -> AttackSpec:
    if isinstance(spec, str):
        return parse_attack(spec)
    expected = "An attack must be an AttackSpec, or a name such as 'pgd10-linf@8/255'"
    require_kind(spec, AttackSpec, expected, hint="run_foreign takes those of other libraries")
    return spec


def _check_options(specs: Sequence[AttackSpec], batch_size: int, search: str) -> None:
    if batch_size < 1:
        raise UsageError(f"Batch size must be 1 or more, got {batch_size}.")
    if search not in SEARCHES:
        raise unknown_name("search", search, list(SEARCHES))
    keys = {gradient_key(spec) for spec in specs}
    if not specs or (len(specs) > 1 and (None in keys or len(keys) > 1)):
        listed = ", ".join(spec.name for spec in specs) or "none"
        raise UsageError(
            f"Only single-step attacks of one rule, norm and loss share a gradient, got {listed}; "
            "run others by themselves."
        )


def _target(
    model: nn.Module, images: Tensor, specs: Sequence[AttackSpec], ledgers: Sequence[Ledger], search: str
) -> Target:
    names = ", ".join(spec.name for spec in specs)
    loss, is_mean = LOSSES[specs[0].loss], specs[0].protocol == TORCHATTACKS
    # What judges every iterate anyway gives its gradient in the same pass.
    if search == "as-is" or is_mean or ATTACKS[specs[0].rule].minimum_norm:
        return Target(model, model, loss, names, is_mean)
    searched, reason = search_model(model, images)
    for ledger in ledgers:
        if reason is not None:
            ledger.warn(f"{reason}, so the search ran on the network itself.")
    return Target(model, searched, loss, names)


def _attack(
    target: Target, specs: Sequence[AttackSpec], pool: Pool, ledgers: Sequence[Ledger], seed: int, batch_size: int
) -> None:
    spec, ledger = specs[0], ledgers[0]
    if spec.protocol == TORCHATTACKS:
        judge_last_iterates(target, Stepper(spec, seed), pool, ledger, batch_size)
        return
    pool = _right_on_clean(target, pool, ledgers, batch_size, spec.restarts)
    if ATTACKS[spec.rule].single_step:
        take_single_steps(target, specs, pool, ledgers, batch_size)
        return
    if ATTACKS[spec.rule].minimum_norm:
        find_nearest(target, Stepper(spec, seed), pool, ledger, batch_size)
        return
    starts = pool.rivals.shape[1] if target.loss.targeted else spec.restarts
    for eps_level in range(len(spec.eps)):
        for restart in range(starts):
            if len(pool.rows):
                pool = pool.keep(Climb(target, Stepper(spec, seed, eps_level, restart), pool, ledger, batch_size).run())


def _right_on_clean(target: Target, pool: Pool, ledgers: Sequence[Ledger], batch_size: int, restarts: int) -> Pool:
    """Judge the clean images; keep those the model gets right, with the rivals of a targeted loss."""
    kept, rivals = [], []
    for batch in pool.batches(batch_size):
        labels, logits = pool.labels[batch], target.verdict(pool.clean[batch])
        check_labels(labels, logits)
        target.loss.check_classes(logits.shape[1])
        wrong = logits.argmax(1) != labels
        for ledger in ledgers:
            ledger.clean(pool.rows[batch.cpu()], logits, wrong)
            ledger.passed(pool.rows[batch.cpu()], forward=1)
        kept.append(batch[~wrong])
        if target.loss.targeted:
            rivals.append(_likeliest_others(logits[~wrong], labels[~wrong])[:, :restarts])
    pool = pool.keep(torch.cat(kept))
    return replace(pool, rivals=torch.cat(rivals)) if rivals else pool


def _likeliest_others(logits: Tensor, labels: Tensor) -> Tensor:
    """Rank the classes but the label, largest logit first, int64 (n, K - 1); of equal ones the first is first."""
    label_first = logits.scatter(1, labels.unsqueeze(1), torch.inf)
    return label_first.sort(dim=1, descending=True, stable=True).indices[:, 1:]
