"""Checks of the attacks' strength: what must hold if robust accuracies are about the model and not about the attack.

Source: Carlini et al., "On evaluating adversarial robustness" (arXiv 1902.06705); the Square flag of AutoAttack
(fra31/auto-attack, file flags_doc.md). The bound of 10% for models without adversarial training at 8/255 is ours.
"""

import torch
from torch import Tensor

from robustsweep.attacks.audits.check import Check, Numbers, Subject, robust
from robustsweep.attacks.square_attack import square
from robustsweep.draws import Draws

EPS = "8/255"
_EPS = 8 / 255
_N_DRAWS = 10
_QUERIES, _N_QUERIED = 500, 100
_IMPLAUSIBLE = 0.1


def large_eps(subject: Subject) -> Check:
    """At eps 0.5 every image can become grey: PGD-20 must leave no more right than guessing, but for the tolerance."""
    n_robust = int(robust(subject.attack("pgd20-linf@1/2")).sum())
    chance = subject.n / subject.logits.shape[1]
    warns = n_robust > chance + subject.tolerance
    return Check.of(
        "large-eps",
        {"n": subject.n, "n_robust": n_robust, "n_chance": chance},
        f"PGD-20 with eps 1/2, at which any image can be made grey, leaves {n_robust} of {subject.n} images right"
        f"{f', more than the {chance:.0f} of guessing: the gradient is masked' if warns else ''}.",
        warns=warns,
    )


def beats_single_step(subject: Subject, pgd: Tensor) -> Check:
    """PGD, whose survivors are ``pgd`` (bool (n,)), must be at least as strong as FGSM."""
    fgsm = robust(subject.attack(f"fgsm-linf@{EPS}"))
    warns = int(pgd.sum()) - int(fgsm.sum()) > subject.tolerance
    numbers: Numbers = {"n": subject.n, "n_robust_pgd": int(pgd.sum()), "n_robust_fgsm": int(fgsm.sum())}
    numbers["n_fooled_by_fgsm_alone"] = int((pgd & ~fgsm).sum())
    return Check.of(
        "pgd-against-fgsm",
        numbers,
        f"PGD-{subject.steps} leaves {numbers['n_robust_pgd']} and FGSM {numbers['n_robust_fgsm']} of {subject.n} "
        f"images right at {EPS}{': many steps are weaker than one, so the gradient misleads' if warns else ''}.",
        warns=warns,
    )


def beats_noise(subject: Subject, pgd: Tensor) -> Check:
    """Ten draws of uniform noise must not fool images that withstood PGD (``pgd``, bool (n,))."""
    draws = Draws(subject.seed, "audit/noise", subject.ids)
    fooled = torch.zeros(subject.n, dtype=torch.bool)
    for _ in range(_N_DRAWS):
        noise = draws.uniform(*subject.images.shape[1:], low=-_EPS, high=_EPS).to(subject.images.dtype)
        answers = subject.answers((subject.images + noise).clamp(0.0, 1.0))
        fooled |= (answers.argmax(1) != subject.labels).cpu()
    n_alone = int((pgd & fooled).sum())
    warns = n_alone > subject.tolerance
    return Check.of(
        "pgd-against-noise",
        {"n": subject.n, "n_robust_pgd": int(pgd.sum()), "n_fooled_by_noise_alone": n_alone},
        f"{n_alone} of the {int(pgd.sum())} images that withstand PGD-{subject.steps} at {EPS} are fooled by one of "
        f"{_N_DRAWS} draws of noise{': random points beat the attack' if warns else ''}.",
        warns=warns,
    )


def converged(subject: Subject, pgd: Tensor, longer: Tensor) -> Check:
    """Twice the steps must not fool many more images; survivors are bool (n,)."""
    gain, steps = int(pgd.sum()) - int(longer.sum()), subject.steps
    warns = gain > subject.tolerance
    return Check.of(
        "steps",
        {"n": subject.n, f"n_robust_pgd{steps}": int(pgd.sum()), f"n_robust_pgd{2 * steps}": int(longer.sum())},
        f"PGD-{steps} leaves {int(pgd.sum())} and PGD-{2 * steps} {int(longer.sum())} of {subject.n} images right at "
        f"{EPS}{f': {steps} steps are too few here' if warns else ''}.",
        warns=warns,
    )


def black_box(subject: Subject, left: Tensor, what: str) -> Check:
    """Square, which sees no gradient, must not fool images that gradients could not.

    Args:
        subject: What is audited.
        left: bool (n,), those images.
        what: Words for them, such as ``"images that withstand PGD-20 at 8/255"``.
    """
    name = "black-box"
    rows = left.nonzero().squeeze(1)[:_N_QUERIED]
    if not len(rows):
        return Check.of(name, {"n": 0, "n_fooled": 0}, f"There are no {what}, so none is left.", warns=False)
    here = rows.to(subject.images.device)
    outcome = square(
        subject.model,
        subject.images[here],
        subject.labels[here],
        eps=EPS,
        queries=_QUERIES,
        seed=subject.seed,
        ids=subject.ids[here],
        batch_size=subject.batch_size,
    )
    n_fooled = int((~robust(outcome)).sum())
    warns = n_fooled > subject.tolerance
    return Check.of(
        name,
        {"n": len(rows), "n_fooled": n_fooled, "queries": _QUERIES},
        f"Square fools {n_fooled} of {len(rows)} {what}, with {_QUERIES} queries and no gradient"
        f"{': the gradient is masked' if warns else ''}.",
        warns=warns,
    )


def plausible(subject: Subject, longer: Tensor) -> Check:
    """A model that never saw adversarial images does not hold a tenth of photos at 8/255."""
    name = "plausible"
    if subject.images.dim() == 4 and bool((subject.images.amax(1) == subject.images.amin(1)).all()):
        return Check.not_applicable(name, "The images are grey; the bound at 8/255 is known for colour photos.")
    n_robust = int(longer.sum())
    warns = n_robust > _IMPLAUSIBLE * subject.n
    return Check.of(
        name,
        {"n": subject.n, "n_robust": n_robust},
        f"{n_robust} of {subject.n} images withstand PGD-{2 * subject.steps} at {EPS}"
        f"{': implausible unless the training was adversarial' if warns else ''}.",
        warns=warns,
    )
