"""Requests for a comparison, from the [compare] table of a TOML plan, the command line, or both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustsweep.errors import UsageError
from robustsweep.plan_file import read_plan
from robustsweep.registry import unknown_name

ALL = "all"
_KEYS = ("methods", "metrics", "reference")


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """A comparison as it is asked for.

    Attributes:
        runs: Run folders.
        method: A method, or the label of a checkpoint.
        against: Others, or ``"all"``.
        metrics: Names of scores that form the declared family; none: the default one.
        reference: Checkpoint or method whose measured errors divide those of an additional mCE.
    """

    runs: tuple[Path, ...]
    method: str
    against: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    reference: str | None = None


def compare_request(
    runs: Sequence[Path], method: str | None, against: Sequence[str], metrics: Sequence[str], reference: str | None
) -> CompareRequest:
    """Join what the command line says with the plan that it names; the command line wins.

    Args:
        runs: Run folders, or one plan, a file that ends in ``.toml``.
        method: See ``CompareRequest``, like all that follow.
        against: None of them: not given.
        metrics: None of them: not given.
        reference: None: not given.

    Raises:
        UsageError: If the plan cannot be understood, or nothing says what is compared.
    """
    has_plan = len(runs) == 1 and runs[0].suffix == ".toml" and not runs[0].is_dir()
    asked = _read(runs[0]) if has_plan else {"runs": tuple(runs)}
    given = {"method": method, "against": tuple(against), "metrics": tuple(metrics), "reference": reference}
    asked |= {name: value for name, value in given.items() if value}
    if not asked.get("method") or not asked.get("against"):
        raise UsageError(
            "Say what is compared: --method NAME --against NAME (or all), or a plan with [compare] methods = [...]."
        )
    return CompareRequest(**asked)


def declared_family(plan: Path) -> tuple[tuple[str, ...], int]:
    """Read what a plan declares before anything is measured.

    Returns:
        The scores of the family, none: the default ones; and with how many methods one is compared, 0: with all. One
        if the plan compares nothing.

    Raises:
        UsageError: If the plan cannot be understood.
    """
    content = read_plan(plan)
    if "compare" not in content or "out" not in content:
        return (), 1
    asked = _read(plan)
    return asked["metrics"], 0 if ALL in asked["against"] else len(asked["against"])


def _read(plan: Path) -> dict[str, Any]:
    """Read the [compare] table of a plan, whose ``out`` is the run."""
    content, where = read_plan(plan), f"The plan {plan}"
    out = content.get("out")
    if not isinstance(out, str):
        raise UsageError(f"{where} names no run; give out = 'FOLDER', where its sweep writes to.")
    declared = _table(content, where)
    methods = declared["methods"]
    return {
        "runs": (Path(out).expanduser(),),
        "method": methods[0] if methods else None,
        "against": opponents(declared),
        "metrics": tuple(declared["metrics"]),
        "reference": declared["reference"],
    }


def declared_comparison(plan: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """Return what a plan declares that will be compared, as a sweep stores it; None if it names no methods.

    Args:
        plan: What TOML gives, or a dict that a user wrote.
        where: What it is, for errors, such as ``"The plan FILE"``.

    Raises:
        UsageError: If its [compare] table cannot be understood.
    """
    declared = _table(plan, where)
    return declared if declared["methods"] else None


def opponents(declared: Mapping[str, Any]) -> tuple[str, ...]:
    """Return with what the first of the methods is compared: each of the others, or all that were measured."""
    return tuple(declared["methods"][1:]) or (ALL,)


def _table(content: Mapping[str, Any], where: str) -> dict[str, Any]:
    table = content.get("compare", {})
    if not isinstance(table, dict):
        raise UsageError(f"{where}: compare must be a table, [compare], got {table!r}.")
    for key in table:
        if key not in _KEYS:
            raise unknown_name(f"key of {where[0].lower()}{where[1:]}, [compare],", key, list(_KEYS))
    methods, metrics = (_strings(table.get(key, []), f"{where}, [compare]: {key}") for key in _KEYS[:2])
    reference = table.get("reference")
    if reference is not None and not isinstance(reference, str):
        raise UsageError(f"{where}, [compare]: reference must be a string, got {reference!r}.")
    return {"methods": methods, "metrics": metrics, "reference": reference}


def _strings(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise UsageError(f"{what} must be a list of strings, got {value!r}.")
    return value
