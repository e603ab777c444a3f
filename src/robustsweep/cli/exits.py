"""Ends of commands: an exit code, and one sentence if it is not 0."""

import errno
import sys
import traceback
from collections.abc import Sequence
from functools import partial

import typer

from robustsweep.cli.streams import broken, open_streams
from robustsweep.cli.terminal import complain
from robustsweep.errors import RobustsweepError
from robustsweep.process import interruption
from robustsweep.values import check_text

_BROKEN_PIPE = 141
_INTERNAL = 70
_BAD_INPUT = 2
# Typer may or may not bring its own copy of click, whose errors it raises.
_Misuse = typer.BadParameter.__mro__[1]
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_Ending = tuple[int, str | None]


def end(arguments: Sequence[str], interruptions: interruption.Interruptions) -> int:
    """Run one command, say what went wrong, and return the exit code.

    Args:
        arguments: What follows the program's name.
        interruptions: Says whether the process was interrupted: then that is why the command ended, whatever was made
            of it on the way.
    """
    debug = "--debug" in arguments
    try:
        open_streams()
        code, sentence = _run(arguments), None
    except BaseException as error:  # the last line of defence; a foreign exception may derive from no other
        code, sentence = _judged(error)
        if debug:
            traceback.print_exc()
    if code and interruptions.came:
        code = interruption.EXIT_CODE
    if code == interruption.EXIT_CODE:
        sentence = interruption.SENTENCE
    elif code != _BROKEN_PIPE and (lost := broken(sys.stdout)):
        code, sentence = _judged(lost) if code in (0, _BAD_INPUT) else (code, sentence)
    if sentence is not None:
        complain(sentence)
    return code


def _run(arguments: Sequence[str]) -> int:
    _check(arguments)
    from robustsweep.cli.commands import app
    from robustsweep.process.shown_warnings import show_warnings_by

    show_warnings_by(partial(complain, kind="warning"))
    return app(list(arguments) or ["--help"], prog_name="robustsweep", standalone_mode=False) or 0


def _check(arguments: Sequence[str]) -> None:
    before = "the command"
    for argument in arguments:
        check_text(argument, f"What follows {before}")
        before = argument if argument.startswith("-") else before


def _judged(error: BaseException) -> _Ending:
    """Return the exit code of an error, and what to say about it."""
    if isinstance(error, RobustsweepError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return interruption.EXIT_CODE, None
    if isinstance(error, _Misuse):
        return _BAD_INPUT, _misused(error)
    if isinstance(error, SystemExit):
        return _exited(error)
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE, None
    if isinstance(error, OSError) and error.filename is not None:
        # What a temporary cannot replace is what was asked for.
        path = error.filename if error.filename2 is None else error.filename2
        return _BAD_INPUT, f"{path}: {error.strerror}. What is finished is kept; fix this and run the command again."
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        # Files are named in their errors; a stream is not.
        return _BAD_INPUT, f"standard output cannot be written ({error.strerror}); what is finished is kept."
    return _INTERNAL, f"internal error: {error!r}; run again with --debug before the command to see where."


def _misused(error: BaseException) -> str:
    """Say what is wrong with the command line, and which help says what it takes."""
    sentence = _refused(error) or str(getattr(error, "format_message", error.__str__)())
    context = getattr(error, "ctx", None)
    see = f"see {getattr(context, 'command_path', 'robustsweep')} --help."
    return f"{sentence} S{see[1:]}" if sentence.endswith("?") else f"{sentence.rstrip('.')}; {see}"


def _refused(error: BaseException) -> str | None:
    """Say what an option takes and what came, if the parser kept both: in the error that is the cause of this one."""
    reasons, parameter = getattr(error.__cause__, "errors", None), getattr(error, "param", None)
    if reasons is None or parameter is None:
        return None
    reason, name = reasons()[0], str(parameter.get_error_hint()).strip("'")
    wanted = str(reason["msg"]).removeprefix("Input should be ")
    if wanted.startswith("Value error, "):
        return f"{name}: {wanted.removeprefix('Value error, ')}"
    wanted = wanted.partition(",")[0].replace("valid integer", "whole number")
    return f"{name} must be {wanted}, got {reason['input']!r}"


def _exited(error: SystemExit) -> _Ending:
    # As a shell says it: the reader of the output has gone. Typer makes 1 of it.
    if isinstance(error.__context__, BrokenPipeError):
        return _BROKEN_PIPE, None
    # 1 says "regression found" and only a computed verdict may; libraries that exit by themselves use it as well.
    if error.code in (0, None):
        return 0, None
    return _INTERNAL, f"internal error: something ended the command with {error.code!r}."
