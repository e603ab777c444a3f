"""Words that users read: none of a list that has a plainer or more usual one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from robustsweep.cli.commands import app

ROOT = Path(__file__).parents[2]
TOPS = ("src/robustsweep", "augmentations", "training", "corruptions", "attacks", "attribution", "benchmark", "results")
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "action.yml")]
PAGES += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "results").rglob("*.schema.json"))
INSTEAD = {
    r"percent points?\b": "percentage points (pp)",
    r"\d %(?![ \w]*\})": "95%, without a space",
    r"\btexts\b|\bmust be a text\b": "strings",
    r"\btrainings\b": "training runs",
    r"\bcourse of (a|the) training\b": "training history",
    r"\banswers\b": "predictions, or outputs",
    r"\b(leaves?|left) standing\b|\bstill stands?\b": "accuracy under attack; still classified correctly",
    r"\brungs?\b": "eps level",
    r"\blaws?\b(?! of succession)": "distribution",
    r"\bphotographs?\b": "images, or photos",
    r"(?<!here )\bis no (?!longer\b|more than\b)": "is not a",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\b(None|[Nn]othing|empty|zero|only) where\b|\. Where\b[^.]*,": "if",
    r"\b(told apart|tell apart|told from)\b": "distinguishable; no significant difference",
    r"\bnobody\b": "who or what is meant",
}
CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`|^\s*\w+: (?=\w+\d+)", re.DOTALL | re.MULTILINE)


def literals() -> Iterator[tuple[str, str]]:
    """Yield every string with a space in it, docstrings among them, with the file that it is in."""
    for top in TOPS:
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def helps() -> Iterator[tuple[str, str]]:
    for name, command in get_command(app).commands.items():
        yield name, command.help or ""
        for one in command.params:
            yield f"{name} {one.name}", f"{getattr(one, 'help', None) or ''} {one.metavar or ''}"


def pages() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            yield f"{page.relative_to(ROOT)}:{number}", line


@pytest.mark.parametrize("source", [literals, helps, pages], ids=lambda source: source.__name__)
def test_no_word_is_used_that_has_a_plainer_one(source) -> None:
    found = [(where, CODE.sub("", text)) for where, text in source()]
    assert len(found) > 80
    said = [
        f"{where}: {match[0]!r}; write: {better}"
        for where, text in found
        for word, better in INSTEAD.items()
        if (match := re.search(word, text))
    ]
    assert not said, "\n".join(said)


def test_each_word_of_the_list_would_be_found() -> None:
    words = "1 percent point|95 % of|a list of texts|two trainings|the course of a training|its answers|left standing"
    words += "|a rung|its law|photographs|it is no folder|mend it|None where|cannot be told apart|nobody"
    for word, pattern in zip(words.split("|"), INSTEAD, strict=True):
        assert re.search(pattern, word), word


def test_the_docstring_of_a_module_begins_with_a_noun() -> None:
    for top in TOPS:
        for path in sorted((ROOT / top).rglob("*.py")):
            said = ast.get_docstring(ast.parse(path.read_text())) or ""
            assert not re.match(r"(What|Which|How|Where|Whether|Who|When)\b", said), path
