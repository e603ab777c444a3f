"""A request to publish: the format, who evaluated, and what models and data are called in public."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from robustsweep.errors import UsageError
from robustsweep.printable import printable
from robustsweep.registry import unknown_name

FORMATS = ("every-eval-ever", "hf-eval-results")
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_HUB = re.compile(r"hf:([^@:]+)")


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What a run alone does not say.

    Attributes:
        file_format: One of ``FORMATS``.
        organization: Who evaluated; ``"every-eval-ever"`` needs it.
        relationship: Of that organization to the models' makers, one of ``RELATIONSHIPS``.
        models: Repository ``ORG/NAME`` by checkpoint.
        datasets: Repository ``ORG/NAME`` by data set; ``"hf-eval-results"`` needs them.
        source_url: Where the results are explained; empty: nowhere.

    Raises:
        UsageError: If something is unknown, missing, or not a repository.
    """

    file_format: str
    organization: str = ""
    relationship: str = "other"
    models: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    source_url: str = ""

    def __post_init__(self) -> None:
        if self.file_format not in FORMATS:
            raise unknown_name("format", self.file_format, list(FORMATS))
        if self.relationship not in RELATIONSHIPS:
            raise unknown_name("relationship", self.relationship, list(RELATIONSHIPS))
        if self.file_format == FORMATS[0] and not self.organization.strip():
            raise UsageError(f"{FORMATS[0]} names who evaluated; add --organization NAME.")
        if self.source_url and not re.fullmatch(r"https?://[^\s\"'<>]+", self.source_url):
            raise UsageError(f"--source-url must be an address such as https://example.org, got {self.source_url!r}.")

    def model_of(self, checkpoint: str, source: str | None) -> str:
        """Return the repository of a checkpoint: what the user says, else that from which its card says it came.

        Raises:
            UsageError: If neither says it.
        """
        known = _HUB.match(source or "")
        found = self.models.get(checkpoint) or (known[1] if known else "")
        if not is_repository(found):
            name = printable(checkpoint)
            raise UsageError(f"{name} does not say which model it is; add --model '{name}=ORG/NAME'.")
        return found


def is_repository(text: str) -> bool:
    """Say whether a text is ``ORG/NAME``, which can be a folder's name too."""
    return bool(_REPOSITORY.fullmatch(text))


def named_repositories(pairs: Iterable[str], option: str) -> dict[str, str]:
    """Read ``NAME=ORG/NAME``.

    Args:
        pairs: What the user wrote.
        option: The option, for errors.

    Raises:
        UsageError: If one has another form, or a name comes twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, repository = pair.rpartition("=")
        if not equals or not name or not is_repository(repository) or name in found:
            raise UsageError(f"{option} takes NAME=ORG/REPOSITORY, each name once, got {printable(pair)!r}.")
        found[name] = repository
    return found
