"""The command line: a thin shell on library functions, one file per command.

This module imports nothing heavy, so that interruptions are answered before anything else happens.
"""

import sys

from robustsweep.process.interruption import EXIT_CODE, SENTENCE, Interruptions


def main() -> None:
    """Run the command line and exit; errors become one sentence and an exit code, never a traceback."""
    interruptions = Interruptions()
    interruptions.take_over()
    try:
        from robustsweep.cli.exits import end

        code = end(sys.argv[1:], interruptions)
        interruptions.settle(code)
    except KeyboardInterrupt:
        from robustsweep.cli.terminal import complain

        complain(SENTENCE)
        interruptions.settle(code := EXIT_CODE)
    raise SystemExit(code)
