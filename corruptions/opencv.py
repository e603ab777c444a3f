"""The way to OpenCV, which is installed with the core but cannot be loaded where a system library is missing."""

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
    """Return OpenCV where it can be loaded, for what tensors can do as well."""
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
            "Spatter needs the package opencv-python, which cannot be imported; install it, or, where the system "
            f"library libGL is what is missing, install opencv-python-headless instead ({found})."
        ) from found
    return found


_THREADS_TAKEN = threading.Lock()


@contextmanager
def without_opencv_threads() -> Iterator[None]:
    """Keep OpenCV from waking threads of its own, which cost more than they do on images of this size.

    Their number is the process's: one caller at a time may lower it, and others find it lowered.
    """
    if not _THREADS_TAKEN.acquire(blocking=False):
        yield
        return
    try:
        cv2 = opencv()
        threads = cv2.getNumThreads()
        cv2.setNumThreads(0)
        try:
            yield
        finally:
            cv2.setNumThreads(threads)
    finally:
        _THREADS_TAKEN.release()
