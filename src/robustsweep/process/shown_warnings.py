"""Python's warnings as sentences, for the whole process."""

import warnings
from collections.abc import Callable


def show_warnings_by(told: Callable[[str], object]) -> None:
    """Pass on the text of every warning, without the line of code that Python prints beside it.

    Args:
        told: Receives the text.
    """

    def show(message: Warning | str, *_: object, **__: object) -> None:
        told(str(message))

    warnings.showwarning = show
