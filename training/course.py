"""The history of a training run: one report an epoch, the CSV file of them, and what they cost."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class EpochReport:
    """How an epoch went.

    Attributes:
        epoch: Finished epochs, from 1.
        epochs: Epochs of the whole training.
        loss: Mean training loss of the epoch, in nats.
        learning_rate: Of the epoch's last step.
        seconds: Wall-clock time of the epoch, without the evaluation on held-out images and the saving.
        images: Images that were trained on in the epoch.
        device: What computed it.
        precision: Of the forward and backward passes.
        held_out_accuracy: On the images held out, in [0, 1]; None if none are.
    """

    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    seconds: float
    images: int
    device: str
    precision: str
    held_out_accuracy: float | None = None

    @property
    def images_per_second(self) -> float:
        """Training speed in images per second."""
        return self.images / self.seconds


Course = list[EpochReport]
"""The reports of the epochs so far."""


def course_csv(course: Sequence[EpochReport]) -> str:
    """Write the reports as CSV, one line an epoch, in full precision; what does not exist is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*(field.name for field in fields(EpochReport)), "images_per_second"])
    writer.writerows([*astuple(report), report.images_per_second] for report in course)
    return file.getvalue()


def best_epoch(course: Sequence[EpochReport]) -> int:
    """Return the epoch, from 1, of the highest held-out accuracy; the earliest of equals."""
    return max(course, key=lambda report: (report.held_out_accuracy or 0.0, -report.epoch)).epoch


def training_facts(course: Sequence[EpochReport]) -> dict[str, Any]:
    """Return what a card says of a training's course and costs.

    Args:
        course: Every epoch.

    Returns:
        ``device`` and ``precision`` (several, if a training was interrupted and continued elsewhere), ``images`` (an
        epoch), ``final_loss`` (nats), ``wall_seconds`` (of all epochs), ``seconds_per_epoch`` (median) and
        ``images_per_second`` (median).
    """
    return {
        "device": "; ".join(dict.fromkeys(report.device for report in course)),
        "precision": "; ".join(dict.fromkeys(report.precision for report in course)),
        "images": course[-1].images,
        "final_loss": course[-1].loss,
        "wall_seconds": sum(report.seconds for report in course),
        "seconds_per_epoch": median(report.seconds for report in course),
        "images_per_second": median(report.images_per_second for report in course),
    }
