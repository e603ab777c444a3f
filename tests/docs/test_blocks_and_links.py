"""Blocks and links of the README and the documentation: commands, options and keys exist; links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest
import torch
from documented_blocks import PAGES, ROOT, blocks, command_lines, name_of
from typer.main import get_command

from robustsweep.benchmark.plan.request import request_of
from robustsweep.cli.commands import app
from robustsweep.results.compare.request import declared_comparison
from robustsweep.training.request import jobs_of, train_request_of

COMMANDS = get_command(app).commands
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", [p for p in PAGES if command_lines(p)], ids=name_of)
def test_the_commands_of_a_page_are_understood(page: Path) -> None:
    for program, *words in command_lines(page):
        if program == "make":
            assert words[0] in TARGETS
        elif program == "robustsweep" and words != ["--install-completion"]:
            name, *arguments = words
            COMMANDS[name].make_context(name, arguments)
        else:
            assert program in ("pip", "robustsweep")


PLANS = [(page, text) for page in PAGES for text in blocks(page, "toml") if not text.startswith("--8<--")]


@pytest.mark.parametrize(("page", "text"), PLANS, ids=[f"{name_of(page)}-{k}" for k, (page, _) in enumerate(PLANS)])
def test_the_plans_of_a_page_are_understood(page: Path, text: str) -> None:
    plan = tomllib.loads(text)
    request_of(plan, "The plan")
    trained = train_request_of(plan, "The plan")
    declared = declared_comparison(plan, "The plan")
    assert trained is None or jobs_of(trained)
    assert plan.keys() & {"suites", "train", "compare"}
    assert declared is None or declared["methods"]


def test_shell_blocks_are_found() -> None:
    assert sum(len(command_lines(page)) for page in PAGES) > 30


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_readme_is_short_and_shows_no_picture_that_a_package_index_lacks() -> None:
    assert len(README.splitlines()) <= 120
    assert not re.findall(r"!\[[^]]*\]\((?!https://)", README)


def test_the_python_of_the_readme_runs() -> None:
    (block,) = blocks(ROOT / "README.md", "python")
    network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 10)).eval()
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    scope = {"network": network, "images": images, "labels": torch.arange(4)}
    exec(block, scope)
    assert len(scope["results"].frame) == 76
    assert scope["foggy"].shape == scope["attacked"].images.shape == scope["mixed"].shape


def test_every_page_of_the_documentation_is_in_its_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in PAGES[1:]:
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name in navigation or name == "description.md"
