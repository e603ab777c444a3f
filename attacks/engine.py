"""The loop that drives a step rule over eps, restarts and images.

An image is judged by a float32 forward pass of the model itself on the stored image. It counts as fooled when that
pass says so, and these logits are the ones reported; the pass also carries the gradient for the next step, so each
iterate costs one.

Random starts, steps and projections are the same in every batch, but a network's convolutions and matrix products may
round differently in batches of another size. This can turn a verdict between logits that agree to the last bits, or the
sign of a gradient entry next to zero; a network that computes each image alone gives the same verdicts in any batch.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from robustsweep.attacks.climb import Climb, Pool
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.outcome import AttackOutcome, Ledger
from robustsweep.attacks.spec import AttackSpec
from robustsweep.attacks.target import Target, check_eval_mode, check_inputs, evaluation_context
from robustsweep.errors import DataError, UsageError

_POOL_BYTES = 256 << 20


def run_attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AttackSpec,
    *,
    seed: int,
    ids: Tensor,
    batch_size: int = 128,
    keep_images: bool = False,
) -> AttackOutcome:
    """Attack every image that the model gets right, at each eps in turn until one fools it.

    Each eps and each restart starts afresh from its own draw, whose stream is named after rule, norm, eps and restart:
    an eps of a ladder does to an image exactly what it would do alone. An image is dropped at the first iterate, its
    random start included, that fools it; the others are packed into full batches at every step. A targeted loss leads
    the image of restart k to the wrong class that is k + 1 places behind the label on the clean image, but any wrong
    class counts; there are at most as many starts as wrong classes.

    Args:
        model: On images in [0, 1], in eval mode, on the device to use. Its parameters, buffers, gradients, flags and
            modes are left as they are.
        images: float32 (N, ...), in [0, 1].
        labels: int64 (N,).
        spec: The attack.
        seed: The run's seed.
        ids: int64 (N,), what the images' random starts belong to.
        batch_size: Images per forward pass.
        keep_images: Whether the outcome holds the images.

    Raises:
        DataError: If images, labels or ids are not as described.
        UsageError: If the model is in training mode, does not return logits, or has too few classes for the loss.
        AttackError: If the rule leaves its budget by more than 1e-6, or anything is not finite.
    """
    check_inputs(images, labels, ids)
    check_eval_mode(model)
    if batch_size < 1:
        raise UsageError(f"Batch size must be 1 or more, got {batch_size}.")
    target = Target(model, LOSSES[spec.loss], spec.name)
    device = target.device(images.device)
    # Clean images and iterates share the memory; fewer than two batches could not be packed.
    pool_rows = max(2 * batch_size, _POOL_BYTES // (2 * images[0].numel() * images.element_size()))
    with evaluation_context(device):
        ledger = Ledger(spec, images, keep_images)
        for rows in torch.split(torch.arange(len(images)), pool_rows):
            pool = Pool(
                rows,
                images[rows.to(images.device)].to(device).clamp(0.0, 1.0),
                labels[rows.to(labels.device)].to(device),
                ids[rows.to(ids.device)].to(device),
                rivals=torch.empty((len(rows), 0), dtype=torch.int64, device=device),
            )
            pool = _right_on_clean(target, pool, batch_size, ledger, spec.restarts)
            starts = pool.rivals.shape[1] if target.loss.targeted else spec.restarts
            for rung in range(len(spec.eps)):
                for restart in range(starts):
                    if len(pool.rows):
                        pool = pool.keep(Climb(target, spec, pool, ledger, seed, batch_size, rung, restart).run())
        return ledger.outcome()


def _right_on_clean(target: Target, pool: Pool, batch_size: int, ledger: Ledger, restarts: int) -> Pool:
    """Judge the clean images; keep those the model gets right, with the rivals of a targeted loss."""
    kept, rivals = [], []
    for batch in pool.batches(batch_size):
        labels, logits = pool.labels[batch], target.verdict(pool.clean[batch])
        if int(labels.max()) >= logits.shape[1]:
            raise DataError(f"Label {int(labels.max())} is beyond the model's {logits.shape[1]} classes.")
        target.loss.check_classes(logits.shape[1])
        wrong = logits.argmax(1) != labels
        ledger.clean(pool.rows[batch.cpu()], logits, wrong)
        kept.append(batch[~wrong])
        if target.loss.targeted:
            rivals.append(_likeliest_others(logits[~wrong], labels[~wrong])[:, :restarts])
    pool = pool.keep(torch.cat(kept))
    return replace(pool, rivals=torch.cat(rivals)) if rivals else pool


def _likeliest_others(logits: Tensor, labels: Tensor) -> Tensor:
    """Rank the classes but the label, largest logit first, int64 (n, K - 1); of equal ones the first is first."""
    label_first = logits.scatter(1, labels.unsqueeze(1), torch.inf)
    return label_first.sort(dim=1, descending=True, stable=True).indices[:, 1:]
