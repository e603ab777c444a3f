"""Files that lie where images are expected and are not read: what is said of them."""

from collections import Counter
from collections.abc import Iterable
from mimetypes import MimeTypes
from pathlib import PurePosixPath

from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES
from robustsweep.printable import printable

_MOST_SUFFIXES = 8
_MOST_LETTERS = 16
# Without the tables of the machine, which differ.
_TYPES = MimeTypes()


def unread_note(names: Iterable[str], where: str) -> str:
    """Count the files that are not read, by suffix.

    Args:
        names: Their paths.
        where: Where they lie and why they are not read, such as ``"in class folders are no images that are read"``.

    Returns:
        A sentence, empty if there are none.
    """
    counts = Counter(
        printable(PurePosixPath(name).suffix.lower())[:_MOST_LETTERS] or "without suffix" for name in names
    )
    if not counts:
        return ""
    listed = [f"{count} {suffix}" for suffix, count in counts.most_common(_MOST_SUFFIXES)]
    more = ", ..." if len(counts) > _MOST_SUFFIXES else ""
    total = counts.total()
    return f"Left out: {total} file{'s' if total > 1 else ''} {where} ({', '.join(listed)}{more})."


def is_image(name: str) -> bool:
    """Say whether a file is read as an image."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def looks_like_image(name: str) -> bool:
    """Say whether a file is an image by its name, of a kind that is read here or not."""
    return is_image(name) or (_TYPES.guess_type(name.lower())[0] or "").startswith("image/")
