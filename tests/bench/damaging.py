"""Ways to damage a file of a run: what a disk, a transfer, an editor or an adversary may do to it."""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from robustsweep.results.stored.cells import identity_key

DEEP = 100_000
Damage = Callable[[Path, random.Random, Path], None]
"""Takes the file, a generator and a folder outside the run."""


def flipped(path: Path, rng: random.Random, outside: Path) -> None:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path: Path, rng: random.Random, outside: Path) -> None:
    """Cut the end off."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(1, len(content))])


def emptied(path: Path, rng: random.Random, outside: Path) -> None:
    """Leave nothing in it."""
    path.write_bytes(b"")


def deleted(path: Path, rng: random.Random, outside: Path) -> None:
    """Delete it."""
    path.unlink()


def huge(path: Path, rng: random.Random, outside: Path) -> None:
    """Make it three gigabytes, none of which is on the disk."""
    with path.open("r+b") as file:
        file.truncate(3 << 30)


def linked(path: Path, rng: random.Random, outside: Path) -> None:
    """Put a link to the same content in its place."""
    target = outside / path.name
    path.rename(target)
    path.symlink_to(target)


def linked_folder(path: Path, rng: random.Random, outside: Path) -> None:
    """Put a link to the same content in the place of its folder."""
    target = outside / path.parent.name
    path.parent.rename(target)
    path.parent.symlink_to(target)


def endless(path: Path, rng: random.Random, outside: Path) -> None:
    """Put a pipe, or a link to an endless device, in its place."""
    path.unlink()
    if rng.random() < 0.5:
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


def swapped(path: Path, rng: random.Random, outside: Path) -> None:
    """Exchange it with another file of its suffix in the run, or copy it under another name."""
    others = [other for other in sorted(path.parents[2].rglob(f"*{path.suffix}")) if other.is_file() and other != path]
    others = [other for other in others if "report" not in other.parts]
    if not others:
        path.rename(path.with_name(f"{'0' * 12}{path.suffix}"))
        return
    other = rng.choice(others)
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield (*place, name), inner
        yield from _leaves(inner, (*place, name))


_PLACEHOLDER = "\0here"


def leaf(text: str = "", version: int | None = None) -> Damage:
    """Damage one entry of a JSON document; other files get a bit flipped.

    Args:
        text: What stands there then; empty: a number of the document is changed a little.
        version: The schema version that the document says then, 2 with a checksum that fits and 1 with none; None: what
            it says, with the checksum that it had.
    """

    def damage(path: Path, rng: random.Random, outside: Path) -> None:
        if path.suffix != ".json":
            flipped(path, rng, outside)
            return
        document = json.loads(path.read_text())
        places = [(place, value) for place, value in _leaves(document) if place[0] not in ("sha256", "schema_version")]
        if not text:
            places = [(place, value) for place, value in places if type(value) in (int, float)] or places
        place, value = rng.choice(places)
        inner = document
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = _PLACEHOLDER if text else _beside(value, rng)
        if version is not None:
            document.pop("sha256", None)
            document["schema_version"] = version
            if version == 2:
                inner[place[-1]] = json.loads(text) if text else inner[place[-1]]
                document["sha256"] = identity_key(document)
        path.write_text(json.dumps(document).replace(json.dumps(_PLACEHOLDER), text))

    return damage


def _beside(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value}x"
    return value + rng.choice((-1, 1)) if isinstance(value, int) else value * 1.001 + 0.001


KINDS: dict[str, Damage] = {
    "bit flipped": flipped,
    "cut": cut,
    "emptied": emptied,
    "deleted": deleted,
    "huge": huge,
    "link": linked,
    "folder a link": linked_folder,
    "endless": endless,
    "swapped": swapped,
    "leaf null": leaf("null"),
    "leaf of another type": leaf('"text"'),
    "leaf NaN": leaf("NaN"),
    "leaf 1e999": leaf("1e999"),
    "leaf deep": leaf("[" * DEEP + "]" * DEEP),
    "leaf of 5 000 digits": leaf("7" * 5000),
    "number changed": leaf(),
    "number changed, version 1": leaf(version=1),
    "forged number": leaf(version=2),
    "forged null": leaf("null", version=2),
    "forged list": leaf("[]", version=2),
    "forged negative": leaf("-1", version=2),
}
"""By name; those that begin with ``forged`` have a checksum that fits, so that types and sense alone are judged."""
