"""Keeps Pillow's warnings off the terminal while images are decoded.

They are about what does not change a pixel here (EXIF data, tags, transparency that is dropped); what does change
pixels is an error.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_entered: list[object] = []


@contextmanager
def pillow_unheard() -> Iterator[None]:
    """Ignore Pillow's warnings; unlike ``warnings.catch_warnings``, in several threads at once."""
    with _lock:
        if not _entered:
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _entered.append(warnings.filters[0])
    try:
        yield
    finally:
        with _lock:
            ours = _entered.pop()
            if not _entered:
                # A list, which its type stub calls a sequence; another may have put its own in its place.
                with suppress(ValueError):
                    warnings.filters.remove(ours)  # type: ignore[attr-defined]
