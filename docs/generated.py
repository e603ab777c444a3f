"""Parts of the documentation read from the code while it is built: commands, keys of plans, all that can be listed."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from typer.main import get_command

from robustsweep.benchmark.plan.request import SweepRequest
from robustsweep.cli.commands import app
from robustsweep.cli.listing import LISTINGS, Noun
from robustsweep.training.request import TrainRequest

_MARKER = re.compile(r"<!-- generated: (\w+) -->")
_REQUESTS = {"keys_of_sweep": ("sweep", SweepRequest), "keys_of_train": ("train", TrainRequest)}
_LISTS = {"checkpoint": "checkpoints", "method": "methods", "suite": "suites"}
_KINDS = {str: "string", int: "whole number", float: "number", bool: "true or false"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each marker by what it names; MkDocs calls this for every page."""
    return _MARKER.sub(lambda found: "\n".join(_lines(found[1])), markdown)


def _lines(name: str) -> Iterator[str]:
    if name == "commands":
        return _commands()
    if name in _REQUESTS:
        return _keys(*_REQUESTS[name])
    return _table(("Name", "What it is"), [(_named(one, text), text) for one, text in LISTINGS[Noun(name)]()])


def _named(name: str, description: str) -> str:
    """Write a name as code, and the title of a group, which has no description, in bold."""
    return f"`{name}`" if description else f"**{name.removesuffix(':')}**"


def _keys(command: str, request: type) -> Iterator[str]:
    """Describe the keys of a plan as the options of a command that they are."""
    hints = get_type_hints(request, include_extras=True)
    options = {_LISTS.get(one.name, one.name): one for one in get_command(app).commands[command].params}
    rows = [
        (f"`{key}`", _kind(hint), _text(options[key].help).replace(" Repeatable.", "")) for key, hint in hints.items()
    ]
    return _table(("Key", "Value", "Meaning"), rows)


def _kind(hint: Any) -> str:
    """Say in words what a value is, as TOML has it."""
    origin, inner = get_origin(hint), [one for one in get_args(hint) if one is not NoneType]
    if origin is tuple:
        return "list of strings"
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inner)
    return _KINDS[hint] if origin is None else _kind(inner[0])


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


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|---" * len(header) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;').replace(chr(10), '<br>') for cell in row)} |"


def _text(text: str | None) -> str:
    return escape(text or "", quote=False)
