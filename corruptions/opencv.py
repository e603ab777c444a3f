"""The way to OpenCV, which is installed with the core but cannot be loaded where a system library is missing."""

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
