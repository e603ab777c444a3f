"""The peer of the corruption benchmark: imagecorruptions in an interpreter of its own."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

WORKER = Path(__file__).with_name("legacy_worker.py")


class Peer:
    """A running legacy worker that holds a batch of images; a context manager.

    Args:
        python: Interpreter of the legacy environment.
        images: uint8 array (N, 3, H, W).
        table: ``"imagenet"`` or ``"cifar"``: whose severity constants it uses.

    Attributes:
        description: Versions and threads that the worker reports.
    """

    def __init__(self, python: Path, images: NDArray[np.uint8], table: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._count = len(images)
        batch = Path(self._folder.name) / "images.npy"
        np.save(batch, np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
        command = [str(python), str(WORKER), str(batch), table]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.description: dict[str, str | int] = self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def seconds(self, corruption: str, severity: int, images: int) -> float:
        """Corrupt the first ``images`` images one at a time; return the seconds that took."""
        assert self._process.stdin is not None
        request = {"corruption": corruption, "severity": severity, "images": images}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def count_for(self, corruption: str, severity: int, seconds: float) -> int:
        """Warm up, and return how many images fill ``seconds``: at least one, at most the batch."""
        self.seconds(corruption, severity, 1)
        few = min(4, self._count) if (once := self.seconds(corruption, severity, 1)) < seconds / 4 else 0
        each = self.seconds(corruption, severity, few) / few if few else once
        return max(1, min(self._count, round(seconds / each)))

    def _answer(self) -> dict[str, str | int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The legacy worker ended with status {self._process.wait()}; its error is above.")
        answer: dict[str, str | int] = json.loads(line)
        return answer
