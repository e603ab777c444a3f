"""The command line: a thin shell on library functions."""


def main() -> None:
    """Run the command line."""
