"""Files of repositories on the Hugging Face Hub: from its cache on this machine, else over the network."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustsweep.errors import CheckpointError, MissingDependencyError, UsageError
from robustsweep.foreign_code import described, errors_alone, foreign_code
from robustsweep.printable import printable

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)*", re.ASCII)
_SHOWN = 300
_COMMIT = re.compile(r"[0-9a-f]{40}")


class NotReachableError(CheckpointError):
    """A file that the hub's cache does not have while the hub cannot be reached: it may exist."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A model repository at one revision.

    Attributes:
        name: ``ORG/NAME``.
        revision: A branch, a tag or a commit.
    """

    name: str
    revision: str = "main"

    def __str__(self) -> str:
        """Write it as specs do."""
        return f"{self.name}@{self.revision}"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository that lies on this machine.

    Attributes:
        path: Where.
        commit: The commit that it is of, 40 hexadecimal digits.
    """

    path: Path
    commit: str


def parse_repository(text: str) -> tuple[Repository, str | None]:
    """Read ``ORG/NAME[@REV][:FILE]``.

    Returns:
        The repository, and the file if one is named.

    Raises:
        UsageError: If the text does not have this form, or leads out of the repository.
    """
    place, colon, file = text.partition(":")
    name, at, revision = place.partition("@")
    parts = file.split("/")
    is_safe = _NAME.fullmatch(name) and (not at or _REVISION.fullmatch(revision))
    if not is_safe or (colon and (any(part in ("", ".", "..") for part in parts) or "\\" in file)):
        raise UsageError(
            f"hf:{printable(text)} cannot be read; write hf:ORG/NAME[@REVISION][:FILE], such as "
            "hf:timm/resnet18.a1_in1k@main:model.safetensors."
        )
    return Repository(name, revision if at else "main"), file or None


def find_file(repository: Repository, file: str, most_bytes: int) -> HubFile | None:
    """Find a file in the hub's cache, or fetch it; None: there is no such file.

    A commit that the cache has is never asked for again. With ``HF_HUB_OFFLINE=1``, and without network, a branch is
    what it was when it was last fetched.

    Args:
        repository: Where.
        file: Its path inside.
        most_bytes: A larger file is refused before it is fetched.

    Raises:
        NotReachableError: If the cache does not have it and the hub cannot be reached.
        CheckpointError: If the repository or its revision cannot be had, or the file is too large.
        MissingDependencyError: If huggingface_hub is not installed.
    """
    # The library loads its parts when they are named, and sets the level of its logger then.
    download = _library().hf_hub_download
    try:
        with foreign_code(), errors_alone("huggingface_hub"):
            found = download(repository.name, file, revision=repository.revision, dry_run=True)
            _check(repository, file, found, most_bytes)
            path = download(repository.name, file, revision=found.commit_hash)
    except CheckpointError:
        raise
    except Exception as error:  # a library of network calls can raise anything
        if _is_absent(error):
            return None
        raise _failure(repository, file, error) from error
    return HubFile(Path(path), found.commit_hash)


def _library() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingDependencyError(
            f"huggingface_hub cannot be imported ({error}); install it with: pip install 'robustsweep[hf]'."
        ) from error
    return huggingface_hub


def _check(repository: Repository, file: str, found: Any, most_bytes: int) -> None:
    # A name of anything else could lead out of the cache.
    if not _COMMIT.fullmatch(str(found.commit_hash)):
        raise CheckpointError(
            f"{repository}: the cache calls its commit {printable(str(found.commit_hash))[:60]!r}, expected 40 "
            "hexadecimal digits; delete the repository's folder in the cache and fetch it again."
        )
    if not isinstance(found.file_size, int) or found.file_size > most_bytes:
        raise CheckpointError(
            f"{repository}: {printable(file)} has {found.file_size} bytes, more than the {most_bytes} that are read."
        )


def _is_absent(error: Exception) -> bool:
    """Say whether the repository is there, and has no such file."""
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    return isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)


def _failure(repository: Repository, file: str, error: Exception) -> CheckpointError:
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError):
        return NotReachableError(
            f"{repository}: {printable(file)} is not in the hub's cache and the hub cannot be reached; fetch it on a "
            f"machine with a network (hf download {repository.name}), or name a local file."
        )
    log_in = "log in with: hf auth login"
    if isinstance(error, errors.GatedRepoError):
        return CheckpointError(f"{repository} asks for an agreement; accept it on its page, and {log_in}.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return CheckpointError(f"The hub has no model repository {repository.name}, or it is private; {log_in}.")
    if isinstance(error, errors.RevisionNotFoundError):
        return CheckpointError(
            f"{repository.name} has no revision {repository.revision!r}; name a branch, a tag or a commit."
        )
    reason = printable(described(error))[:_SHOWN]
    return CheckpointError(f"{repository}: {printable(file)} could not be fetched ({reason}).")
