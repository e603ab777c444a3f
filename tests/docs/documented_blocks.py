"""Code blocks of the README and of the documentation's pages."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def command_lines(page: Path) -> list[list[str]]:
    """Split the shell blocks of a page into commands, and these into words."""
    texts = "\n".join(blocks(page, "shell")).replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(text, comments=True) for text in texts) if words]
