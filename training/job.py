"""One training of a grid: where its files lie, whether it is done, and how it is run and continued."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from robustsweep.augmentations.method import Method
from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.native import load_card, save_native
from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.errors import CheckpointError
from robustsweep.results.stored.files import remove_abandoned, write_atomically
from robustsweep.training.cards import Keep, training_card
from robustsweep.training.course import Course, EpochReport, course_csv
from robustsweep.training.images.training_images import TrainingImages
from robustsweep.training.recipe import Recipe
from robustsweep.training.state import SUFFIX, read_header
from robustsweep.training.trainer import Trained, train

BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all training runs of a grid share.

    Attributes:
        data: Training images with their labels.
        images: The same on the device, as ``load_images`` returned them for ``keep``.
        architecture: What is trained.
        recipe: How.
        keep: See ``Keep``.
        device: Where.
    """

    data: Dataset
    images: TrainingImages
    architecture: str
    recipe: Recipe
    keep: Keep
    device: torch.device


@dataclass(frozen=True, slots=True)
class Job:
    """One training.

    Attributes:
        method: The augmentation.
        seed: The training seed.
        path: The last epoch's checkpoint, ``NAME.safetensors``. Beside it lie ``NAME.csv``, ``NAME.state`` until the
            training is finished, and ``NAME-best.safetensors`` if the best epoch is kept.
    """

    method: Method
    seed: int
    path: Path

    @property
    def state(self) -> Path:
        """The unfinished training."""
        return self.path.with_suffix(SUFFIX)

    @property
    def best(self) -> Path:
        """The best epoch's checkpoint."""
        return self.path.with_name(f"{self.path.stem}-best{self.path.suffix}")

    def files(self, keep: Keep) -> list[Path]:
        """Return the checkpoints that the training leaves."""
        return [self.path, self.best] if keep == "best" else [self.path]

    def card(self, setting: Setting) -> Card:
        """Return the card of the last epoch, without its course."""
        return training_card(
            self.method,
            setting.data,
            setting.images.normalisation,
            architecture=setting.architecture,
            recipe=setting.recipe,
            seed=self.seed,
            keep=setting.keep,
        )


def is_trained(job: Job, setting: Setting) -> bool:
    """Say whether the checkpoints of exactly this training are there; a file that cannot be read is none.

    Raises:
        CheckpointError: If a checkpoint, or the state of an unfinished training, of another kind lies in their place.
    """
    wanted = job.card(setting)
    found = [
        _is_of(path, replace(wanted, epoch_kept=kept))
        for path, kept in zip(job.files(setting.keep), ("last", "best"), strict=False)
    ]
    if not all(found) and job.state.is_file():
        _refuse_other(job.state, read_header(job.state)[0], wanted)
    return all(found)


def _is_of(path: Path, wanted: Card) -> bool:
    try:
        found = load_card(path)
    except CheckpointError:
        return False
    _refuse_other(path, found, wanted)
    return True


def _refuse_other(path: Path, found: Card, wanted: Card) -> None:
    if differing := found.differing_fields(wanted):
        raise CheckpointError(
            f"{path} is of another training (other {', '.join(differing)}): write to another folder (--out), or delete "
            "it."
        )


def remove_leftovers(job: Job, setting: Setting) -> None:
    """Remove what a run has left that was killed when it had written the checkpoints of a training."""
    remove_abandoned(job.path.parent)
    with suppress(CheckpointError):
        if job.state.is_file() and read_header(job.state)[0] == job.card(setting):
            job.state.unlink(missing_ok=True)


def epochs_done(job: Job) -> int:
    """Count the epochs that an earlier, interrupted run has finished."""
    return len(read_header(job.state)[1]) if job.state.is_file() else 0


class BaselineClock:
    """Relates the times of methods to those of the baseline, if one run of a grid measured both."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def ratio(self, job: Job, seconds: list[float]) -> float | None:
        """Return the median time of an epoch over the baseline's; None if no baseline was timed.

        Args:
            job: The training; one of the baseline is remembered.
            seconds: Of each of its epochs, all of them computed in this run.
        """
        if job.method.name == BASELINE:
            self._seconds += seconds
        return median(seconds) / median(self._seconds) if self._seconds else None


def run_job(
    job: Job, setting: Setting, clock: BaselineClock, progress: Callable[[EpochReport], None] | None = None
) -> None:
    """Train what a job asks for, continuing where an earlier run was interrupted, and write its files.

    The card's ``training`` says the ratio of its time to the baseline's if this run computed all epochs of both.

    Args:
        job: The training.
        setting: What it shares with others.
        clock: The times of this run, on one device.
        progress: Called after every epoch.
    """
    job.path.parent.mkdir(parents=True, exist_ok=True)
    course: Course = []
    if job.state.is_file():
        card, done = read_header(job.state)
        course = done if card == job.card(setting) else []
    computed: list[float] = []

    def report(epoch: EpochReport) -> None:
        course.append(epoch)
        computed.append(epoch.seconds)
        write_atomically(job.path.with_suffix(".csv"), course_csv(course).encode())
        if progress is not None:
            progress(epoch)

    trained = train(
        job.method,
        setting.data,
        architecture=setting.architecture,
        recipe=setting.recipe,
        seed=job.seed,
        device=setting.device,
        keep=setting.keep,
        state=job.state,
        images=setting.images,
        progress=report,
    )
    # A run that was killed between its last state and the CSV left nothing to report.
    write_atomically(job.path.with_suffix(".csv"), course_csv(trained.course).encode())
    ratio = clock.ratio(job, computed) if len(computed) == setting.recipe.epochs else None
    for path, one in zip(job.files(setting.keep), (trained, trained.best), strict=False):
        if one is not None:
            save_native(path, one.module, _with_ratio(one, ratio))
    job.state.unlink(missing_ok=True)


def _with_ratio(trained: Trained, ratio: float | None) -> Card:
    facts = trained.card.training
    return trained.card if ratio is None else replace(trained.card, training={**facts, "ratio_to_baseline": ratio})
