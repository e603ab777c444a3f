"""Text from elsewhere, made safe and short enough to print."""

from collections.abc import Sequence


def printable(text: str) -> str:
    """Replace control characters and lone surrogates, so that names cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def cut(text: str, most: int) -> str:
    """Cut off what goes beyond ``most`` characters, with three dots in its place."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def counted(count: int, noun: str) -> str:
    """Say how many: ``1 checkpoint``, ``2 checkpoints``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str], most: int = 6, between: str = ", ") -> str:
    """Name the first few, made printable, and the number of the others."""
    more = f"{between.rstrip(', ')} and {len(names) - most} more" if len(names) > most else ""
    return printable(between.join(names[:most])) + more
