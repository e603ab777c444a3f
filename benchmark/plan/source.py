"""Sources: from a condition and positions to images, generated on the fly or read from an official set."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from robustsweep.benchmark.data import Dataset, OfficialSet, Photos
from robustsweep.benchmark.data.dataset import Int64Array, stratified_positions
from robustsweep.benchmark.data.files.pixels import codec
from robustsweep.benchmark.data.network_outputs import NetworkOutputs
from robustsweep.benchmark.plan.conditions import Attacked, Clean, Condition, Corrupted, Sequenced, Shifted, Windowed
from robustsweep.corruptions import CORRUPTIONS, corrupt_batch
from robustsweep.corruptions.opencv import opencv_or_none
from robustsweep.corruptions.sequences import PERTURBATIONS
from robustsweep.errors import DataError, UsageError
from robustsweep.results.stored.cells import Json
from robustsweep.results.stored.images import images_key


@dataclass(frozen=True)
class Source:
    """The images of one sweep: a data set, the chosen positions in it, and the seed of everything drawn.

    Attributes:
        data: Clean images, from which corruptions are generated, or an official corrupted set.
        positions: int64, ascending: the images of this sweep.
        limit: The number asked for, if the positions are a subset; else None.
        seed: Seed of corruptions, windows, attacks' starts and the subset.
    """

    data: Dataset | OfficialSet
    positions: Int64Array
    limit: int | None
    seed: int

    @classmethod
    def choose(cls, data: Dataset | OfficialSet, *, limit: int | None, seed: int) -> "Source":
        """Take all images, or ``limit`` of them stratified by class.

        Raises:
            UsageError: If the limit is below 1.
        """
        if limit is not None and limit < 1:
            raise UsageError(f"limit must be 1 or more, got {limit}.")
        if limit is None or limit >= len(data.labels):
            return cls(data, np.arange(len(data.labels), dtype=np.int64), None, seed)
        return cls(data, stratified_positions(data.labels, data.ids, limit, seed), limit, seed)

    @property
    def is_official(self) -> bool:
        """Whether corrupted images are read from a published layout rather than generated."""
        return isinstance(self.data, OfficialSet)

    @property
    def provenance(self) -> str:
        """``"official"``, or ``"generated"``: on the fly, or into files in a published layout."""
        return self.data.provenance if isinstance(self.data, OfficialSet) else "generated"

    @property
    def clean(self) -> Dataset | None:
        """The clean images, if there are any."""
        return self.data.clean if isinstance(self.data, OfficialSet) else self.data

    @property
    def ids(self) -> Int64Array:
        """The chosen images' ids."""
        return self.data.ids[self.positions]

    @property
    def labels(self) -> Int64Array:
        """The chosen images' labels."""
        return self.data.labels[self.positions]

    @property
    def images_key(self) -> str:
        """Hash of which images these are: contents, preprocessing, choice."""
        return images_key(self.data.fingerprint, self.data.preprocessing, self.ids)

    @property
    def outputs(self) -> NetworkOutputs | None:
        """Which outputs of a network are the classes; None: all."""
        return self.data.outputs if isinstance(self.data, Dataset) else None

    @property
    def is_taken_as_it_is(self) -> bool:
        """Whether nothing is made of the images: those of a natural shift, or of some of a network's classes."""
        return isinstance(self.data, Dataset) and (bool(self.data.shift) or self.data.outputs is not None)

    def supports(self, condition: Condition) -> bool:
        """Say whether the images that the condition needs are there: clean ones for all but corruptions."""
        return isinstance(condition, Corrupted) or self.clean is not None

    def concrete(self, condition: Condition) -> Condition:
        """Fill in what depends on the data: the severity table by size, or none for official images; the natural shift.

        Photos differ in size: without a table each has the one of its own.

        Raises:
            DataError: If an official set lacks the corruption or holds it malformed.
        """
        if isinstance(condition, Clean) and isinstance(self.data, Dataset) and self.data.shift:
            return Shifted(self.data.shift)
        if not isinstance(condition, Corrupted):
            return condition
        if isinstance(self.data, OfficialSet):
            self.data.check(condition.corruption)
            return condition.as_official()
        if condition.table or isinstance(self.data, Photos):
            return condition
        return replace(condition, table=CORRUPTIONS[condition.corruption].nearest_table(*self.data.size))

    def describe(self) -> Json:
        """Return the fields of ``cell.data``."""
        data, total = self.data, len(self.data.labels)
        notes = [*data.notes, *(self.clean.notes if self.clean and self.is_official else ())]
        return {
            "name": data.name,
            "split": data.split if isinstance(data, Dataset) else "test",
            "fingerprint": data.fingerprint,
            "provenance": self.provenance,
            "preprocessing": data.preprocessing,
            "n_total": total,
            "classes": data.classes,
            "subset": None if self.limit is None else {"limit": self.limit, "of": total, "seed": self.seed},
            "images_key": self.images_key,
            "class_set": self._class_set,
            "notes": notes,
        }

    @property
    def _class_set(self) -> str | None:
        """Hash of the classes, by which clean and shifted images of the same ones are found; None: not ImageNet's."""
        wnids = self.data.wnids if isinstance(self.data, Dataset) else ()
        return hashlib.sha256("\n".join(wnids).encode()).hexdigest()[:16] if wnids else None

    def identity(self, condition: Condition) -> Json:
        """Return all about the images of ``condition`` that decides the numbers."""
        shown: Json
        if isinstance(condition, Corrupted):
            shown = condition.describe()
            if not self.is_official:
                libraries = CORRUPTIONS[condition.corruption].libraries
                shown |= {"seed": self.seed, "libraries": {name: _version(name) for name in libraries}}
        else:
            shown = {"kind": condition.kind}
            if isinstance(condition, Shifted):
                shown |= condition.describe()
            elif isinstance(condition, Attacked):
                shown |= {**condition.attack.identity(), "seed": self.seed}
            elif isinstance(condition, Windowed):
                shown |= {**condition.describe(), "seed": self.seed}
            elif isinstance(condition, Sequenced):
                shown |= {**condition.describe(), **self._made_as(condition)}
            if self.is_official and self.clean is not None:
                # Not part of the images' key: giving clean= later must not ask for the official files again.
                shown["clean"] = {"fingerprint": self.clean.fingerprint, "preprocessing": self.clean.preprocessing}
        return {
            "images": self.images_key,
            "provenance": self.provenance,
            "condition": shown,
        }

    def _made_as(self, condition: Sequenced) -> Json:
        """Return what decides generated sequences; nothing of published ones."""
        if self._holds_sequences:
            return {}
        libraries = PERTURBATIONS[condition.perturbation].libraries
        return {"seed": self.seed, "libraries": {name: _version(name) for name in libraries}}

    @property
    def _holds_sequences(self) -> bool:
        return isinstance(self.data, OfficialSet) and bool(self.data.sequences)

    def sequences(self, condition: Sequenced, clean: Callable[[], torch.Tensor], positions: Int64Array) -> torch.Tensor:
        """Read or generate the sequences of some images.

        Args:
            condition: Which perturbation.
            clean: Returns the clean images, uint8 (n, 3, H, W); asked where sequences are generated.
            positions: int64, shape (n,), in the data set.

        Returns:
            uint8, shape (n, frames, 3, H, W), on the device of the clean images, or the CPU where they are read.
        """
        if isinstance(self.data, OfficialSet) and self.data.read_sequence is not None:
            return self.data.read_sequence(condition.perturbation, positions)
        images = clean()
        ids = torch.from_numpy(self.data.ids[positions]).to(images.device)
        return PERTURBATIONS[condition.perturbation].sequence(images, seed=self.seed, ids=ids)

    def read_clean(self, positions: Int64Array) -> torch.Tensor:
        """Read clean images: uint8 of shape (n, 3, H, W).

        Raises:
            DataError: If the official set was given without clean images.
        """
        if self.clean is None:
            raise DataError(f"{self.data.name} was given without clean images; add clean=SPEC to its data spec.")
        return self.clean.images(positions)

    def read_corrupted(self, condition: Corrupted, positions: Int64Array) -> torch.Tensor:
        """Read the images of an official set: uint8 of shape (n, 3, H, W)."""
        if not isinstance(self.data, OfficialSet):
            raise DataError(f"{self.data.name} holds clean images; its corruptions are generated.")
        return self.data.read(condition.corruption, condition.severity, positions)

    def generate(self, condition: Corrupted, clean: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Corrupt clean images.

        Args:
            condition: With its severity table.
            clean: uint8, shape (n, 3, H, W), on any device.
            ids: int64, shape (n,), on the same device.

        Returns:
            uint8 tensor of the same shape and device.
        """
        table = condition.table or CORRUPTIONS[condition.corruption].nearest_table(clean.shape[2], clean.shape[3])
        return corrupt_batch(
            clean,
            condition.corruption,
            condition.severity,
            table=table,
            seed=self.seed,
            ids=ids,
            jpeg_quality=condition.jpeg_quality,
        )


def _version(library: str) -> str | None:
    """Return the version of a library that a corruption names; None if it is not installed."""
    if library == "jpeg":
        return codec()
    if library == "opencv":
        return getattr(opencv_or_none(), "__version__", None)
    return installed_version(library)


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
