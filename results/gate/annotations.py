"""Verdicts as annotations of a GitHub workflow run: an error for what failed, a warning for what is inconclusive."""

from collections.abc import Sequence

from robustsweep.printable import printable
from robustsweep.results.gate.junit import numbers
from robustsweep.results.gate.outcome import Outcome
from robustsweep.results.gate.verdicts import Judged

_MOST_NAMED = 5
_TITLE = "Robustness gate"


def annotations(outcome: Outcome) -> list[str]:
    """Return workflow commands, at most one error and one warning, since a step shows no more than ten of each.

    Source: GitHub's "Workflow commands for GitHub Actions", and the escapes of actions/toolkit, ``command.ts``.
    """
    failed, unclear = (
        [one for one in outcome.judged if one.verdict == verdict] for verdict in ("FAIL", "INCONCLUSIVE")
    )
    n = len(outcome.judged)
    problems = [f"FAIL for {len(failed)} of {n} scores: {_listed(failed)}."] if failed else []
    problems += [f"The baseline has no partner for {name}." for name in outcome.without_partner[:_MOST_NAMED]]
    commands = [_command("error", " ".join(problems))] if problems else []
    if unclear:
        advice = "Measure more images, or widen the margin."
        said = (
            f"INCONCLUSIVE, neither passed nor failed, for {len(unclear)} of {n} scores: {_listed(unclear)}. {advice}"
        )
        commands.append(_command("warning", said))
    return commands


def _listed(judged: Sequence[Judged]) -> str:
    more = f"; and {len(judged) - _MOST_NAMED} more" if len(judged) > _MOST_NAMED else ""
    return "; ".join(f"{one.candidate}: {numbers(one)}" for one in judged[:_MOST_NAMED]) + more


def _command(kind: str, message: str) -> str:
    """Write a command whose message is data whatever it holds; ``printable`` has taken line breaks out."""
    return f"::{kind} title={_TITLE}::{printable(message).replace('%', '%25')}"
