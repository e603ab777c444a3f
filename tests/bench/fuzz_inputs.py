"""Give every command junk: files of every kind that is read, TOML plans, and every option.

Right is exit code 2 with the name of the file or the option in one sentence, or what else the input deserves: 0 where
it is in fact fine, 3 where a cell failed, 4 where there is nothing to compare. Never 70, a traceback, more than 1 GB
or more than a minute. Each command runs in a process forked from one that has imported everything.

``python tests/bench/fuzz_inputs.py --cases 660 --seed 0 [--kind plan]``
"""

import argparse
import itertools
import os
import resource
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from forks import MOST_BYTES, held_bytes, import_commands, taken_bytes
from junk import KINDS, Case, cases

MOST_SECONDS = 60
_HUNG, _LARGE = "longer than a minute", "more than 1 GB"
_RIGHT = (0, 2, 3, 4)


@dataclass(frozen=True)
class Outcome:
    """What a command did with junk.

    Attributes:
        case: The junk.
        fault: What is wrong with it; None: nothing.
        said: What it said on standard error.
    """

    case: Case
    fault: str | None
    said: str


def tried(case: Case, folder: Path) -> Outcome:
    """Run one command in a fork, in an empty folder."""
    own = Path(tempfile.mkdtemp(dir=folder))
    said, held = own / "said", held_bytes()
    child = os.fork()
    if child == 0:
        _become(case, own, said)
    _, status, usage = os.wait4(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    text = said.read_text(errors="replace") if said.exists() else ""
    return Outcome(case, _fault(case, code, text, taken_bytes(usage, held)), text)


def _become(case: Case, own: Path, said: Path) -> None:
    """Be the command, and end as it does."""
    code = 70
    try:
        os.chdir(own)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        # Python's own handler would be the product's.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(MOST_SECONDS)
        # Address space is more than memory; it stops what would fill the machine.
        resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
        sys.argv = ["robustsweep", *case.arguments]
        from robustsweep.cli import main

        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _fault(case: Case, code: int, text: str, peak: int) -> str | None:
    if code == -signal.SIGALRM:
        return _HUNG
    if peak > MOST_BYTES:
        return _LARGE
    if "Traceback" in text:
        return "traceback"
    if code not in _RIGHT:
        return f"exit code {code}"
    names = [name for name in case.names if name]
    if code == 2 and (not text.strip() or (names and not any(name in text for name in names))):
        return "2 without a name"
    if any(not character.isprintable() for character in text.replace("\n", "")):
        return "control characters"
    return None


def tried_all(kinds: tuple[str, ...], count: int, seed: int, folder: Path) -> list[Outcome]:
    """Try ``count`` cases of these kinds in turn."""
    sources = [cases(kind, seed, folder) for kind in kinds]
    chosen = itertools.islice(itertools.cycle(sources), count)
    return [tried(next(source), folder) for source in chosen]


def main() -> None:
    """Try and list what is wrong, by kind of junk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=660)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append", help="Repeatable. Default: all.")
    options = parser.parse_args()
    import_commands()
    with tempfile.TemporaryDirectory() as name:
        outcomes = tried_all(tuple(options.kind or KINDS), options.cases, options.seed, Path(name))
    wrong = [outcome for outcome in outcomes if outcome.fault]
    for outcome in wrong:
        shown = " ".join(repr(part[:60]) for part in outcome.case.arguments)
        print(f"{outcome.case.kind}: {outcome.fault}\n    {shown}\n    {outcome.said.strip()[-300:]!r}")
    by_kind = Counter(f"{outcome.case.kind}: {outcome.fault}" for outcome in wrong)
    print(f"{len(outcomes)} inputs, {len(wrong)} wrong", *(f"{n} {what}" for what, n in by_kind.items()), sep="\n")
    raise SystemExit(int(bool(wrong)))


if __name__ == "__main__":
    main()
