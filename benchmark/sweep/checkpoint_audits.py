"""Audits of a sweep: one record per attacked checkpoint, and one per ordered pair of them."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from robustsweep.attacks import AttackSpec, parse_attack, run_attack
from robustsweep.attacks.audits.audit import audit, longer_attack, transfer
from robustsweep.attacks.audits.check import FEWEST_STEPS, Check
from robustsweep.benchmark.checkpoints import Checkpoint
from robustsweep.benchmark.data.dataset import stratified_positions
from robustsweep.benchmark.plan.conditions import Attacked
from robustsweep.benchmark.plan.plan import PROTOCOL_VERSION, Plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.sweep.evaluation import to_unit_range
from robustsweep.benchmark.sweep.progress import Progress
from robustsweep.errors import DataError
from robustsweep.foreign_code import described, foreign_code
from robustsweep.results.stored.audit_records import AuditRecord, read_audit, write_audit
from robustsweep.results.stored.cells import Json, identity_key

N_IMAGES = 200
# Raised whenever a check can find something else for the same checkpoint and images.
AUDIT_VERSION = 2
# An attack may have 9 999 steps, and an audit doubles them.
_MOST_STEPS = 4_999


@dataclass(frozen=True, slots=True)
class AuditedImages:
    """The images of every audit of a sweep.

    Attributes:
        images: float32 (n, 3, H, W) in [0, 1], on the device.
        labels: int64 (n,).
        ids: int64 (n,).
    """

    images: Tensor
    labels: Tensor
    ids: Tensor

    @classmethod
    def of(cls, source: Source, device: torch.device) -> "AuditedImages":
        """Take up to 200 of the sweep's clean images, stratified by class.

        Raises:
            DataError: If they cannot be read.
        """
        rows = stratified_positions(source.labels, source.ids, min(N_IMAGES, len(source.ids)), source.seed)
        clean = source.read_clean(source.positions[rows])
        labels, ids = (torch.from_numpy(values[rows]).to(device) for values in (source.labels, source.ids))
        return cls(to_unit_range(clean, device), labels, ids)


class Auditor:
    """Audits the checkpoints of a plan; what is stored already is not computed again.

    Args:
        plan: With clean images.
        root: The run folder.
        progress: Receives every warning.
        device: Where to compute.
        batch_size: Images per forward pass.
    """

    def __init__(self, plan: Plan, root: Path, progress: Progress, *, device: torch.device, batch_size: int) -> None:
        self.computed = 0
        self.failed: list[str] = []
        self._plan, self._root, self._progress = plan, root, progress
        self._device, self._batch_size = device, batch_size
        self._steps = _longest_pgd(plan)
        self._images: AuditedImages | None = None
        self._adversarial: dict[str, Tensor] = {}  # on the CPU, by checkpoint id

    def wanted(self) -> list[Json]:
        """List the checkpoints' own audits as ``WantedPlan`` takes them."""
        return [
            {"key": identity_key(self._identity(one)), "checkpoint_id": one.id, "checkpoint": one.name}
            for one in self._plan.checkpoints
        ]

    def run(self) -> None:
        """Audit each checkpoint, then judge each one's adversarial images on every other.

        Raises:
            DataError: If images cannot be read.
        """
        for work in (self._audit, self._transfers):
            for checkpoint in self._plan.checkpoints:
                self._guarded(checkpoint, work)

    def _guarded(self, checkpoint: Checkpoint, work: Callable[[Checkpoint], None]) -> None:
        try:
            with foreign_code():
                work(checkpoint)
        except Exception as error:  # a network may be anybody's code
            if isinstance(error, DataError) and self._images is None:  # the network has not been asked yet
                raise
            self.failed.append(f"{checkpoint.name}, audit: {described(error)}")
            self._progress.warn(self.failed[-1])

    @property
    def _shown(self) -> AuditedImages:
        if self._images is None:
            self._images = AuditedImages.of(self._plan.source, self._device)
        return self._images

    def _identity(self, checkpoint: Checkpoint, source: Checkpoint | None = None) -> Json:
        return {
            "protocol": PROTOCOL_VERSION,
            "audit": AUDIT_VERSION,
            "checkpoint": checkpoint.identity,
            "source": source.identity if source else None,
            **self._plan.source.identity(Attacked(parse_attack(longer_attack(self._steps)))),
            "n": min(N_IMAGES, len(self._plan.source.positions)),
            "adversarially_trained": _may_be_adversarial(checkpoint),
        }

    def _read(self, checkpoint: Checkpoint, source: Checkpoint | None = None) -> AuditRecord | None:
        return read_audit(self._root, checkpoint.id, self._identity(checkpoint, source))

    def _load(self, checkpoint: Checkpoint) -> nn.Module:
        return checkpoint.load().to(self._device).to(memory_format=torch.channels_last)

    def _audit(self, checkpoint: Checkpoint) -> None:
        if self._read(checkpoint) is not None:
            return
        self._progress.working_on(checkpoint.name, "audit")
        begun, shown = time.monotonic(), self._shown
        outcome = audit(
            self._load(checkpoint),
            shown.images,
            shown.labels,
            ids=shown.ids,
            seed=self._plan.source.seed,
            batch_size=self._batch_size,
            may_be_adversarially_trained=_may_be_adversarial(checkpoint),
            steps=self._steps,
        )
        if outcome.images is not None and len(self._plan.checkpoints) > 1:
            self._adversarial[checkpoint.id] = outcome.images.cpu()
        self._store(checkpoint, None, outcome.checks, outcome.n_robust, time.monotonic() - begun)

    def _transfers(self, checkpoint: Checkpoint) -> None:
        """Judge the other checkpoints' adversarial images on this one."""
        own = self._read(checkpoint)
        others = [other for other in self._plan.checkpoints if other is not checkpoint]
        missing = [other for other in others if self._read(checkpoint, other) is None]
        if own is None or own.n_robust is None or not missing:
            return
        self._progress.working_on(checkpoint.name, "transfer")
        module = self._load(checkpoint)
        for other in missing:
            if (record := self._read(other)) is None or record.n_robust is None:  # nothing to borrow
                continue
            begun = time.monotonic()
            images = self._adversarial_of(other).to(self._device)
            check = transfer(images, module, self._shown.labels, own.n_robust, batch_size=self._batch_size)
            self._store(checkpoint, other, (check,), None, time.monotonic() - begun)

    def _adversarial_of(self, checkpoint: Checkpoint) -> Tensor:
        if checkpoint.id not in self._adversarial:
            shown = self._shown
            outcome = run_attack(
                self._load(checkpoint),
                shown.images,
                shown.labels,
                parse_attack(longer_attack(self._steps)),
                seed=self._plan.source.seed,
                ids=shown.ids,
                batch_size=self._batch_size,
                keep_images=True,
            )
            assert outcome.images is not None  # asked for
            self._adversarial[checkpoint.id] = outcome.images.cpu()
        return self._adversarial[checkpoint.id]

    def _store(
        self,
        checkpoint: Checkpoint,
        source: Checkpoint | None,
        checks: tuple[Check, ...],
        n_robust: int | None,
        seconds: float,
    ) -> None:
        record = AuditRecord(
            kind="transfer" if source else "model",
            identity=self._identity(checkpoint, source),
            checkpoint={"id": checkpoint.id, "name": checkpoint.name},
            source={"id": source.id, "name": source.name} if source else None,
            data=self._plan.source.describe(),
            checks=tuple(asdict(check) for check in checks),
            n_robust=n_robust,
            recorded={"device": str(self._device), "seconds": seconds},
        )
        write_audit(self._root, record)
        self.computed += 1
        borrowed = f" (images of {source.name})" if source else ""
        for check in record.warnings:
            self._progress.warn(f"{checkpoint.name}, audit{borrowed}: {check['sentence']}")


def _longest_pgd(plan: Plan) -> int:
    """Return the steps of the plan's longest PGD in L-infinity, but ten or more: what its audits judge."""
    specs = [condition.attack for condition in plan.conditions if isinstance(condition, Attacked)]
    steps = [spec.steps for spec in specs if isinstance(spec, AttackSpec) and (spec.rule, spec.norm) == ("pgd", "linf")]
    return min(max([FEWEST_STEPS, *steps]), _MOST_STEPS)


def _may_be_adversarial(checkpoint: Checkpoint) -> bool:
    """Say whether the card names an adversarial training, or the checkpoint is one of RobustBench's."""
    card = checkpoint.card
    told = " ".join(str(value).lower() for value in (card.method, card.recipe) if value)
    return card.architecture.startswith("robustbench:") or any(word in told for word in ("adv", "pgd", "trades"))
