"""AutoAttack through the package pyautoattack: its ``standard`` version in Linf and L2.

Four attacks in turn, each on what the earlier ones did not fool: APGD on the cross-entropy, targeted APGD on the
difference of logits ratio and targeted FAB, both with nine targets, and Square with 5 000 queries.

What this file works around: the seed is the time of day unless one is given; nine targets end in an index error if
there are fewer than ten classes, so that there are as many as there are other classes; a check for dynamic defences
switches the process's trace function off, so that debuggers and coverage stop, and it is put back; what the package has
to say goes to its log and nowhere else, here its warnings are returned.

Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks" (ICML 2020), section 4.
"""

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from robustsweep.attacks.adapters.batch import LIBRARY_NORMS, Batch
from robustsweep.errors import AttackError

NORMS = ("linf", "l2")
_LOG = "auto-attack"
_MOST_TARGETS = 9
FEWEST_CLASSES = 4


def attack_batch(batch: Batch) -> tuple[Tensor, tuple[str, ...]]:
    """Attack a batch with the standard version; images that stand come back as they are.

    Raises:
        AttackError: If there are fewer than four classes: the targeted loss is defined from four on.
        ImportError: If the library is not installed.
    """
    if batch.classes < FEWEST_CLASSES:
        raise AttackError(
            f"AutoAttack's targeted loss needs {FEWEST_CLASSES} classes or more, the model has {batch.classes}; "
            "use PGD with restarts."
        )
    library = importlib.import_module("pyautoattack")
    with _quiet_log() as messages, _trace_function_kept():
        attack = library.AutoAttack(
            batch.model,
            norm=LIBRARY_NORMS[batch.norm],
            eps=batch.eps,
            seed=batch.seed,
            version=batch.attack,
            device=batch.images.device,
        )
        n_targets = min(_MOST_TARGETS, batch.classes - 1)
        attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = n_targets
        images, _ = attack.run_standard_evaluation(batch.images, batch.labels, batch_size=len(batch.images))
    return images, tuple(messages)


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextmanager
def _quiet_log() -> Iterator[list[str]]:
    log, messages = logging.getLogger(_LOG), list[str]()
    handler, propagated = _Collector(messages), log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield messages
    finally:
        log.propagate = propagated
        log.removeHandler(handler)


@contextmanager
def _trace_function_kept() -> Iterator[None]:
    trace = sys.gettrace()
    try:
        yield
    finally:
        sys.settrace(trace)
