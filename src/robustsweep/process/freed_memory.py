"""Freed memory that stays with the process, so that the next pass does not fault its pages in again."""

import ctypes
from functools import cache

# Numbers of mallopt's parameters in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 512 << 20
_LARGEST_KEPT_BYTES = 256 << 20


@cache
def keep_freed_memory() -> None:
    """Tell glibc to keep up to 512 MiB of freed memory; other C libraries are left as they are.

    By its own rule glibc returns large buffers to the system depending on what was freed before, and the same pass is
    two to five times slower in one process than in the next: the kernel clears each page of a new buffer. Buffers above
    256 MiB are returned at once, as before. Variables such as ``MALLOC_TRIM_THRESHOLD_`` are overridden.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl has no such function, and Windows no such library
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
