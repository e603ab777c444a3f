import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from run_builder import RunBuilder

from robustsweep.results.report.document import build_report
from robustsweep.results.report.html.page import report_html

HOSTILE = "<img src=x onerror=document.title=1></script><script>alert(1)</script>\x1b[31m&amp;\"'$x_1$"


class Page(HTMLParser):
    """The elements of a page, refused where an end tag does not fit."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "wbr", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture
def builder(tmp_path: Path) -> RunBuilder:
    builder = RunBuilder(tmp_path / "run", data=f"set{HOSTILE}", notes=[f"note {HOSTILE}"])
    for number, method in enumerate(("baseline", f"cutmix{HOSTILE}")):
        for seed in range(2):
            name = f"{method}{seed}"
            builder.card(name, method, seed)
            builder.clean(name, 900 - number)
            builder.sweep(name, lambda c, s, shift=seed: 700 - 10 * s - shift)
            builder.ladder(name, 900 - number, (500, 100))
    builder.store.write_plan(
        [{"key": "0" * 64, "checkpoint_id": "0" * 12, "checkpoint": HOSTILE, "condition": f"fog@{HOSTILE}"}]
    )
    return builder


def test_the_page_is_well_formed_labelled_and_asks_the_network_for_nothing(builder: RunBuilder) -> None:
    text = report_html(build_report([builder.root]))
    page = Page(text)
    assert not page.open
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    for _, attributes in page.elements:
        for name, value in attributes.items():
            if name in ("href", "xlink:href", "aria-labelledby"):
                assert str(value).removeprefix("#") in ids
            assert name not in ("src", "srcset", "action", "data")
            assert not name.startswith("on")
    assert not re.search(r"url\((?!#)|@import", text)
    assert len(page.all("svg")) == 5
    assert all(svg["role"] == "img" and svg["aria-labelledby"] in ids for svg in page.all("svg"))
    assert len(page.all("table")) == len(page.all("caption"))
    scrolled = [element for element in page.all("div") if element.get("class") == "scroll"]
    assert len(scrolled) == len(page.all("table", "svg"))
    assert all(element["tabindex"] == "0" and element["role"] == "region" for element in scrolled)
    assert all("scope" in header for header in page.all("th"))
    (policy,) = (meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert str(policy).startswith("default-src 'none';")


def test_what_scrolls_is_told_from_the_same_of_other_data(builder: RunBuilder, tmp_path: Path) -> None:
    other = RunBuilder(tmp_path / "other", data="other")
    for number, method in enumerate(("baseline", "cutmix")):
        other.card(method, method, 0)
        other.sweep(method, lambda c, s, shift=number: 700 - 10 * s - shift)
    page = Page(report_html(build_report([builder.root, other.root])))
    labels = [element["aria-label"] for element in page.all("div") if element.get("role") == "region"]
    assert len(page.all("svg")) > 5
    assert len(labels) == len(set(labels))


def test_names_stay_text_wherever_they_are_shown(builder: RunBuilder) -> None:
    report = build_report([builder.root])
    text = report_html(report)
    page = Page(text)
    assert not page.all("img")
    assert len(page.all("script")) == 1
    shown = "".join(page.text)
    assert "\x1b" not in text
    expected = HOSTILE.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    for place in (f"set{expected}", f"note {expected}", f"cutmix{expected}0", f"fog@{expected}"):
        assert place in shown


def test_every_table_that_people_read_is_there_with_the_values_that_sort_it(builder: RunBuilder) -> None:
    report = build_report([builder.root])
    page = Page(report_html(report))
    tables = [table for table in report.tables if table.depth != "data"]
    assert len(page.all("table")) == len(tables)
    n_numbers = sum(
        not column.is_text or row[c] is None for t in tables for row in t.rows for c, column in enumerate(t.columns)
    )
    sortable = [cell["data-sort"] for cell in page.all("td", "th") if "data-sort" in cell]
    assert len(sortable) == n_numbers
    assert all(value == "" or float(str(value)) >= 0 for value in sortable)


def test_headers_and_names_break_at_underscores_and_hold_no_other_element(builder: RunBuilder) -> None:
    text = report_html(build_report([builder.root]))
    assert "gaussian_<wbr>noise" in text
    headers = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', text)
    assert all(set(re.findall(r"<(\w+)", header)) <= {"wbr"} for header in headers)


def test_without_a_script_the_filter_is_not_shown_and_every_row_is(builder: RunBuilder) -> None:
    page = Page(report_html(build_report([builder.root])))
    assert [tag for tag, attributes in page.elements if "hidden" in attributes] == ["form"]
    names = [option["data-kind"] for option in page.all("option")]
    assert [names.count(kind) for kind in ("methods", "checkpoints", "corruptions")] == [2, 4, 15]


def test_figures_keep_their_ids_apart_and_hold_no_picture_that_the_page_would_refuse(builder: RunBuilder) -> None:
    (section,) = build_report([builder.root]).sections
    assert {picture.slug for picture in section.pictures} == {
        "heat_map",
        "severity_curves",
        "clean_against_robust",
        "error_per_corruption",
        "attack_curves",
    }
    for picture in section.pictures:
        svg = picture.inline_svg()
        assert "<image" not in svg
        assert "<!--" not in svg
        ids = re.findall(r'\bid="([^"]*)"', svg)
        assert all(name.startswith(f"{picture.slug}-") for name in ids)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'(?:href="|url\()#([^")]*)', svg)) == set(ids) != set()
        assert svg == picture.inline_svg()
