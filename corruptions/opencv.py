"""The way to OpenCV, which is installed with the core but cannot be loaded if a system library is missing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from robustsweep.errors import MissingDependencyError


def _load() -> ModuleType | ImportError:
    try:
        import cv2
    except ImportError as error:
        return error
    module: ModuleType = cv2
    return module


def opencv_or_none() -> ModuleType | None:
    """Return OpenCV if it can be loaded, for what tensors can do as well."""
    found = _load()
    return None if isinstance(found, ImportError) else found


def opencv() -> ModuleType:
    """Return OpenCV.

    Raises:
        MissingDependencyError: If it cannot be loaded.
    """
    found = _load()
    if isinstance(found, ImportError):
        raise MissingDependencyError(
            "Spatter needs the package opencv-python, which cannot be imported; install it, or, if the system "
            f"library libGL is what is missing, install opencv-python-headless instead ({found})."
        ) from found
    return found


class _Lowering:
    """OpenCV's number of threads, which is the process's, while some callers want none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers = 0
        self._threads = 0

    def enter(self, cv2: ModuleType) -> None:
        with self._lock:
            if not self._callers:
                self._threads = cv2.getNumThreads()
                cv2.setNumThreads(0)
            self._callers += 1

    def leave(self, cv2: ModuleType) -> None:
        with self._lock:
            self._callers -= 1
            if not self._callers:
                cv2.setNumThreads(self._threads)


_LOWERING = _Lowering()


@contextmanager
def without_opencv_threads() -> Iterator[None]:
    """Keep OpenCV, if it can be loaded, from waking threads of its own: passes have theirs.

    Their number is the process's: the first caller lowers it and the last one raises it again. A change while OpenCV
    works in another thread would end the process (its pool divides by the number of its threads), so that every call
    of OpenCV by corruptions lies within this.
    """
    cv2 = opencv_or_none()
    if cv2 is None:
        yield
        return
    _LOWERING.enter(cv2)
    try:
        yield
    finally:
        _LOWERING.leave(cv2)
