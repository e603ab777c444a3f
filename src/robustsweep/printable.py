"""Text from elsewhere, made safe to print."""


def printable(text: str) -> str:
    """Replace control characters and lone surrogates, so that names cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
