"""Files of searched policies: sub-policies of two operations, each with a probability and a level, and their origin.

A file is one JSON object. ``sub_policies`` is a list of pairs of ``[operation, probability, level]``; ``provenance``
says where they come from. The released form is read too: ``policies``, an object of such lists by name, of which an
entry is chosen. Files may come from elsewhere: what is read is checked whole.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from robustsweep.errors import DataError, UsageError
from robustsweep.registry import unknown_name
from robustsweep.untrusted.files import read_json
from robustsweep.values import check_plain

OPERATIONS = (
    *("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "AutoContrast", "Invert", "Equalize", "Solarize"),
    *("Posterize", "Contrast", "Color", "Brightness", "Sharpness", "Cutout"),
)
"""What a sub-policy may apply."""
OPERATIONS_PER_SUB_POLICY = 2
MOST_SUB_POLICIES = 100_000
FORMAT = "robustsweep policy 1"
SHIPPED = ("cifar100",)
"""Names of the policies that come with the package; each file says how it was found."""
_ADVICE = "search again, or give another file"

Operation = tuple[str, float, float]
"""A name, the probability with which it is applied, and its level, both in [0, 1]."""
SubPolicy = tuple[Operation, ...]


@dataclass(frozen=True)
class Policy:
    """Sub-policies, of which each image gets one.

    Attributes:
        sub_policies: At least one, of two operations each.
        provenance: Where they come from, as JSON has it; it decides nothing.
    """

    sub_policies: tuple[SubPolicy, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits of sha256 that depend on the sub-policies and their order alone."""
        return hashlib.sha256(json.dumps(self.sub_policies).encode()).hexdigest()[:16]

    @property
    def search_seconds(self) -> float | None:
        """How long the search took, as far as the provenance says it."""
        said = self.provenance.get("seconds")
        parts: list[Any] = list(said.values()) if isinstance(said, dict) else [said]
        if any(isinstance(one, bool) or not isinstance(one, int | float) or one <= 0 for one in parts):
            return None
        return float(sum(parts)) or None

    def to_json(self) -> str:
        """Return the file's content, one line a sub-policy."""
        lines = ",\n".join(f"  {json.dumps(one)}" for one in self.sub_policies)
        head = f'"format": {json.dumps(FORMAT)},\n"provenance": {json.dumps(self.provenance, allow_nan=False)},\n'
        return f'{{\n{head}"sub_policies": [\n{lines}\n]\n}}\n'


def find_policy(text: str, entry: str = "") -> Policy:
    """Return a policy that comes with the package, by its name, or read that of a file.

    Args:
        text: One of ``SHIPPED``, or a path.
        entry: As in ``read_policy``.

    Raises:
        DataError: As ``read_policy``.
        UsageError: Likewise.
    """
    path = Path(__file__).parent / f"{text}.json" if text in SHIPPED else Path(text).expanduser()
    return read_policy(path, entry)


def read_policy(path: Path, entry: str = "") -> Policy:
    """Read a policy.

    Args:
        path: The file.
        entry: Which of several policies of a file in the released form; empty for a file that holds one.

    Raises:
        DataError: If the file cannot be read or holds anything but policies.
        UsageError: If the entry is not there, or one must be named.
    """
    document = read_json(path, _ADVICE)
    if "policies" in document:
        found, provenance = _chosen(document, path, entry), {"source": str(document.get("source", path.name))[:500]}
    else:
        if entry:
            raise UsageError(f"{path} holds one policy and no entries; leave entry={entry} out.")
        if document.get("format") != FORMAT:
            raise DataError(f"{path} is not a policy: format must be {FORMAT!r}, got {document.get('format')!r:.100}.")
        found, provenance = document.get("sub_policies"), document.get("provenance", {})
    if not isinstance(provenance, dict):
        raise DataError(f"{path}: provenance must be an object, got {provenance!r:.100}; {_ADVICE}.")
    try:
        check_plain(provenance, f"{path}: provenance")
    except UsageError as error:
        raise DataError(str(error)) from error
    return Policy(_checked(found, path), provenance)


def _chosen(document: dict[str, Any], path: Path, entry: str) -> Any:
    policies = document["policies"]
    if not isinstance(policies, dict) or not policies:
        raise DataError(f"{path}: policies must be an object that names some, got {policies!r:.100}; {_ADVICE}.")
    if not entry:
        raise UsageError(f"{path} holds {len(policies)} policies; choose one with entry=: {', '.join(policies):.200}.")
    if entry not in policies:
        raise unknown_name(f"entry of {path}:", entry, list(policies)[:20])
    return policies[entry]


def _checked(found: Any, path: Path) -> tuple[SubPolicy, ...]:
    if not isinstance(found, list) or not 0 < len(found) <= MOST_SUB_POLICIES:
        raise DataError(
            f"{path}: a policy must be a list of 1 to {MOST_SUB_POLICIES} sub-policies, got {found!r:.100}; {_ADVICE}."
        )
    return tuple(_sub_policy(one, f"{path}: sub-policy {number}") for number, one in enumerate(found, start=1))


def _sub_policy(found: Any, what: str) -> SubPolicy:
    if not isinstance(found, list) or len(found) != OPERATIONS_PER_SUB_POLICY:
        raise DataError(f"{what} must be a list of {OPERATIONS_PER_SUB_POLICY} operations, got {found!r:.100}.")
    return tuple(_operation(one, what) for one in found)


def _operation(found: Any, what: str) -> Operation:
    if not isinstance(found, list) or len(found) != 3:
        raise DataError(f"{what}: an operation is [name, probability, level], got {found!r:.100}.")
    name, *numbers = found
    if name not in OPERATIONS:
        raise DataError(f"{what}: unknown operation {name!r:.100}; known: {', '.join(OPERATIONS)}.")
    for noun, number in zip(("probability", "level"), numbers, strict=True):
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            raise DataError(f"{what}: {noun} of {name} must be a number in [0, 1], got {number!r:.100}.")
    return name, float(numbers[0]), float(numbers[1])
