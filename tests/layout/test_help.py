"""What ``--help`` prints: everything that the source says, word for word, in 80 columns."""

import re
from collections.abc import Callable

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from robustsweep.cli.commands import app

COMMANDS = get_command(app).commands
HELP_OF = {"": [], **{name: [name] for name in sorted(COMMANDS)}}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return the help that a command prints."""
    for name in ("COLUMNS", "TERMINAL_WIDTH"):
        monkeypatch.setenv(name, "80")

    def call(name: str) -> str:
        ended = CliRunner().invoke(app, [*HELP_OF[name], "--help"])
        assert ended.exit_code == 0
        return ended.output

    return call


def squeezed(text: str) -> str:
    """Leave out spaces and line ends, which folding moves."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("name", HELP_OF)
def test_everything_that_the_source_says_is_printed(printed: Callable[..., str], name: str) -> None:
    command = COMMANDS[name] if name else get_command(app)
    said = [command.help, command.epilog, *(getattr(one, "help", None) for one in command.params)]
    said += [option for one in command.params if one.param_type_name == "option" for option in one.opts]
    for text in filter(None, said):
        assert squeezed(text) in squeezed(printed(name)), text


@pytest.mark.parametrize(("name", "table"), [("sweep", "[train]"), ("train", "[train]"), ("compare", "[compare]")])
def test_tables_of_a_plan_are_named_with_their_brackets(printed: Callable[..., str], name: str, table: str) -> None:
    assert f"{table}table" in squeezed(printed(name))


@pytest.mark.parametrize("name", HELP_OF)
def test_help_fits_80_columns_and_cuts_no_sentence(printed: Callable[..., str], name: str) -> None:
    text = printed(name)
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"\w\.\.\.$", text, re.MULTILINE)


def test_every_command_is_listed_with_a_whole_sentence(printed: Callable[..., str]) -> None:
    listed = {line.split()[0]: line for line in printed("").splitlines() if line.startswith("  ") and line.split()}
    for name in COMMANDS:
        assert listed[name].endswith(".")
