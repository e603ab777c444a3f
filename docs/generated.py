"""Parts of the documentation that are read from the code while it is built: commands, and all that can be listed."""

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from typer.main import get_command

from robustsweep.cli.commands import app
from robustsweep.cli.listing import LISTINGS, Noun

_MARKER = re.compile(r"<!-- generated: (\w+) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each marker by what it names; MkDocs calls this for every page."""
    return _MARKER.sub(lambda found: "\n".join(_lines(found[1])), markdown)


def _lines(name: str) -> Iterator[str]:
    if name == "commands":
        return _commands()
    return _table(("Name", "What it is"), [(f"`{name}`", text) for name, text in LISTINGS[Noun(name)]()])


def _commands() -> Iterator[str]:
    for name, command in get_command(app).commands.items():
        yield f"## robustsweep {name}\n\n{_text(command.help)}\n"
        arguments = [(one, one.metavar or one.name) for one in command.params if one.param_type_name == "argument"]
        shown = [one for one in command.params if one.param_type_name == "option"]
        options = [(one, " / ".join((*one.opts, *one.secondary_opts))) for one in shown]
        rows = [(f"`{text}`", _text(one.help) + _default(one)) for one, text in (*arguments, *options)]
        yield from _table(("Argument or option", "Meaning"), rows)
        yield ""


def _default(option: Any) -> str:
    is_said = "Default:" in (option.help or "") or not option.show_default
    return "" if is_said or option.default in (None, False, (), []) else f" Default: `{option.default}`."


def _table(header: tuple[str, str], rows: list[tuple[str, str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|---|---|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;').replace(chr(10), '<br>') for cell in row)} |"


def _text(text: str | None) -> str:
    return escape(text or "", quote=False)
