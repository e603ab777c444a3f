"""Parts of the documentation that are read from the code: nothing is left out, and every marker is known."""

import re
import runpy
from dataclasses import fields
from pathlib import Path

import pytest

from robustsweep.benchmark.plan.request import SweepRequest
from robustsweep.results.compare import request
from robustsweep.training.request import TrainRequest

DOCS = Path(__file__).parents[2] / "docs"
on_page_markdown = runpy.run_path(str(DOCS / "generated.py"))["on_page_markdown"]
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "<!-- generated" in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_marker_becomes_rows_of_equal_width(page: Path) -> None:
    text = on_page_markdown(page.read_text())
    assert "<!--" not in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_keys_of_a_plan_are_all_described_in_words() -> None:
    sections = on_page_markdown((DOCS / "reference/plan-file.md").read_text()).split("\n## ")[1:]
    keys = [re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE) for section in sections]
    wanted = [[field.name for field in fields(one)] for one in (SweepRequest, TrainRequest)]
    assert [{name for name, _ in found} for found in keys] == [*map(set, wanted), set(request._KEYS)]
    kinds = {kind for found in keys for _, kind in found}
    plain = {"string", "list of strings", "whole number", "number", "true or false"}
    assert kinds == plain | {"`last` or `best`", "`local` or `ray`"}


def test_a_group_of_methods_is_a_title_and_no_name() -> None:
    text = on_page_markdown("<!-- generated: methods -->")
    assert "| **mix** |" in text
    assert "| `cutmix` | CutMix: " in text
