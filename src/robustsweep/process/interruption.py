"""Ctrl-C and SIGTERM: one sentence and exit code 130, from the first moment of a command to its last.

A first signal unwinds the work by KeyboardInterrupt. That is not enough by itself: modules that are being imported, C
callbacks and finalisers turn it into something else or swallow it. There the process ends at once, which is safe:
everything that is stored is written whole or not at all.
"""

import atexit
import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

EXIT_CODE = 130
SENTENCE = "interrupted; what is finished is stored, run the same command to continue."
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GRACE_S = 5.0
_SHOW_CURSOR = b"\x1b[?25h"


class Interruptions:
    """What this process does when it is interrupted; ``take_over`` is called once, first of all."""

    def __init__(self) -> None:
        self.came = False
        """Whether a signal has come; whatever ends the work after it is its consequence."""
        self._exit_code: int | None = None

    def take_over(self) -> None:
        """Answer SIGINT and SIGTERM from now on, even if a shell started the process with SIGINT ignored."""
        # What is registered first runs last, when nothing can hang any more.
        atexit.register(_ignore)
        sys.unraisablehook = self._unraisable
        for number in _SIGNALS:
            signal.signal(number, self._answer)

    def settle(self, exit_code: int) -> None:
        """Decide how the process ends: all is done and said, and a signal only makes it leave faster."""
        self._exit_code = exit_code
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _answer(self, number: int, frame: FrameType | None) -> None:
        del number
        if self._exit_code is not None:
            os._exit(self._exit_code)
        if self.came or _is_importing(frame):
            _leave()
        self.came = True
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, lambda *_: _leave())
            signal.setitimer(signal.ITIMER_REAL, _GRACE_S)
        raise KeyboardInterrupt

    def _unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Leave where a finaliser or a callback would swallow the interruption."""
        if self._exit_code is None and issubclass(unraisable.exc_type, KeyboardInterrupt):
            _leave()
        sys.__unraisablehook__(unraisable)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave() -> NoReturn:
    # Streams may be in use by what is interrupted; file descriptors never are.
    with contextlib.suppress(OSError):
        if os.isatty(1):
            os.write(1, _SHOW_CURSOR)
        os.write(2, f"error: {SENTENCE}\n".encode())
    os._exit(EXIT_CODE)
