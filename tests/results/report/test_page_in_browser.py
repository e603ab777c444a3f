"""The page in a real browser, where one is installed."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from answered_runs import put_ladder, put_sweep
from PIL import Image
from run_builder import RunBuilder

from robustsweep.results.report.document import build_report
from robustsweep.results.report.html.page import report_html

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

WATCH = """
window.seen = [];
addEventListener("error", (event) => seen.push(`error ${event.message}`), true);
addEventListener("securitypolicyviolation", (event) => seen.push(`refused ${event.blockedURI}`));
"""
PROBE = """
const boxes = () => [...document.querySelectorAll("table")].flatMap((table) => {
  const headers = [...table.tHead.rows[0].cells];
  return headers.map((header, place) => {
    const range = document.createRange();
    range.selectNodeContents(header);
    const next = headers[place + 1];
    return { text: header.textContent, ends: range.getBoundingClientRect().right,
             limit: header.getBoundingClientRect().right, next: next ? next.getBoundingClientRect().left : null };
  });
});
const unfolded = () => [...document.querySelectorAll("details")].map((details) => details.open);
const folded = unfolded();
for (const details of document.querySelectorAll("details")) details.open = true;
const headers = boxes();
const input = document.getElementById("filter");
const shownRows = () => [...document.querySelectorAll("tbody tr")].filter((row) => row.checkVisibility()).length;
const shownColumns = () => [...document.querySelectorAll("thead th")].filter((cell) => cell.checkVisibility()).length;
const filtered = ["", "FOG", "cutmix,  gaussian-noise", "nothing like it", ""].map((text) => {
  input.value = text;
  input.dispatchEvent(new Event("input"));
  const table = document.getElementById("table-PER_CORRUPTION").nextElementSibling.querySelector("table");
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[1].textContent);
  const columns = [...table.tHead.rows[0].cells].filter((cell) => !cell.hidden).map((cell) => cell.textContent);
  return { text, said: document.getElementById("left").textContent, rows, columns,
           shown: [shownRows(), shownColumns()] };
});
const pure = { terms: termsOf(" Fog ,,SMOOTHMIX_C, gaussian-  noise"),
               kept: [kept(["a_b", "a c"], ["b"]), kept(["a", "b"], ["c"]), kept(["a"], [])] };
const sorted = [];
for (const table of document.querySelectorAll("table")) {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const before = [...table.tBodies[0].rows].map((row) => row.textContent).sort().join();
  [...table.tHead.rows[0].cells].forEach((header, place) => {
    const button = header.querySelector("button");
    button.focus();
    const orders = [1, 2].map(() => {
      button.click();
      const cells = [...table.tBodies[0].rows].map((row) => row.cells[place]);
      return [header.getAttribute("aria-sort"), ...cells.map((cell) => cell.dataset.sort ?? cell.textContent)];
    });
    const after = [...table.tBodies[0].rows].map((row) => row.textContent).sort().join();
    sorted.push({ focused: document.activeElement === button, numeric: header.className === "number",
                  kept: before === after, orders });
  });
}
addEventListener("load", () => setTimeout(() => {
  const result = { seen, sorted, headers, folded, filtered, pure,
                   title: document.title, width: innerWidth, overflow: document.body.scrollWidth,
                   loaded: performance.getEntriesByType("resource").map((entry) => entry.name) };
  const place = document.createElement("pre");
  place.id = "probe";
  place.textContent = JSON.stringify(result);
  document.body.append(place);
}, 100));
"""


def browse(page: Path, width: int, *arguments: str) -> str:
    command = [str(BROWSER), "--headless=new", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},1600"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=5000"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []
    done = subprocess.run([*command, *arguments, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def probe(text: str, folder: Path, width: int) -> dict[str, Any]:
    table = re.search(r'id="table-((?:method_)?error_per_corruption)"', text)
    assert table
    script = PROBE.replace("PER_CORRUPTION", table[1])
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (WATCH, script)]
    policy = "".join(f" 'sha256-{digest}'" for digest in hashes)
    text = text.replace("; base-uri", f"{policy}; base-uri", 1).replace(
        "<title>", f"<script>{WATCH}</script><title>", 1
    )
    page = folder / "probe.html"
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
    found = re.search(r'<pre id="probe">(.*?)</pre>', browse(page, width, "--dump-dom"), re.DOTALL)
    assert found
    result: dict[str, Any] = json.loads(unescape(found[1]))
    return result


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    builder = RunBuilder(tmp_path_factory.mktemp("page") / "run")
    for number, name in enumerate(("baseline", "<img src=x onerror=document.title=1>", "</script><script>x</script>")):
        builder.card(name, name)
        builder.clean(name, 900 + number)
        builder.sweep(name, lambda c, s, shift=number: 700 - 90 * s - shift)
        builder.ladder(name, 900, (500, 100 - number))
    return report_html(build_report([builder.root]))


@pytest.mark.parametrize("width", [360, 1440])
def test_every_table_sorts_nothing_is_loaded_and_nothing_overflows(text: str, tmp_path: Path, width: int) -> None:
    result = probe(text, tmp_path, width)
    assert result["seen"] == []
    assert result["loaded"] == []
    assert result["title"] == "Robustness report"
    assert result["overflow"] <= result["width"] <= max(width, 500)  # some builds open no narrower window
    assert len(result["sorted"]) > 20
    for column in result["sorted"]:
        assert column["focused"]
        assert column["kept"]
        (up, *first), (down, *second) = column["orders"]
        assert (up, down) == ("ascending", "descending")
        if column["numeric"]:
            numbers = [[float(value) for value in values if value != ""] for values in (first, second)]
            assert numbers[0] == sorted(numbers[0])
            assert numbers[1] == sorted(numbers[1], reverse=True)
            assert first[len(numbers[0]) :] == second[len(numbers[1]) :]  # what is missing stays last


@pytest.mark.parametrize("width", [360, 1440])
def test_headers_of_tables_end_before_the_next_begins(answered: str, tmp_path: Path, width: int) -> None:
    headers = probe(answered, tmp_path, width)["headers"]
    assert len(headers) > 40
    assert all(one["ends"] <= one["limit"] + 0.5 for one in headers), headers
    assert all(one["next"] is None or one["limit"] <= one["next"] + 0.5 for one in headers)


def test_the_filter_hides_rows_and_columns_and_says_how_many_names_are_left(answered: str, tmp_path: Path) -> None:
    result = probe(answered, tmp_path, 1440)
    assert result["folded"].count(True) == 0
    everything, fog, two, nothing, again = result["filtered"]
    assert everything["said"] == ""
    assert (fog["rows"], fog["columns"]) == (["fog"], everything["columns"])
    assert fog["said"] == "Left: all methods, all checkpoints, 1 of 15 corruptions."
    assert two["rows"] == ["gaussian_noise"]
    assert [name.partition(" ")[0] for name in two["columns"][2:]] == ["CutMix"]
    assert two["said"] == "Left: 1 of 3 methods, 2 of 6 checkpoints, 1 of 15 corruptions."
    assert two["shown"][0] < fog["shown"][0] < everything["shown"][0]
    assert nothing["said"] == "No method, checkpoint or corruption has such a name."
    assert nothing["shown"] == again["shown"] == everything["shown"]


def test_the_filter_takes_names_apart_at_commas_whatever_their_spelling(answered: str, tmp_path: Path) -> None:
    pure = probe(answered, tmp_path, 1440)["pure"]
    assert pure["terms"] == ["fog", "smoothmix c", "gaussian noise"]
    assert pure["kept"] == [[True, False], [True, True], [True]]


@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_shows_itself_at_the_width_of_a_phone_and_of_a_desk(text: str, tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(text)
    browse(page, width, f"--screenshot={tmp_path / 'shown.png'}")
    with Image.open(tmp_path / "shown.png") as image:
        assert image.width == width
        shown = np.asarray(image.convert("L"))
    ink = np.abs(shown.astype(int) - np.bincount(shown.ravel()).argmax()) > 100  # against the paper, light or dark
    assert 0.01 < ink.mean() < 0.3
    assert ink[:, : width // 2].any(axis=1)[:1500].mean() > 0.3  # the lines of the page, from its top to its bottom


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with all that a reader may meet: intervals, ties, every figure, a missing cell and a warning."""
    builder = RunBuilder(tmp_path_factory.mktemp("answered") / "run", n=100, notes=["These images are a sample."])
    for number, method in enumerate(("baseline", "cutmix", "mixup")):
        for seed in range(2):
            name = f"{method}{seed}"
            builder.card(name, method, seed)
            put_sweep(builder, name, 0.3 + 0.02 * number, seed=10 * number + seed)
            put_ladder(builder, name, [(image + number) % 4 - 1 for image in range(100)], ["1/255", "2/255"])
    builder.store.write_plan(
        [{"key": "0" * 64, "checkpoint_id": "0" * 12, "checkpoint": "other", "condition": "fog@1"}]
    )
    report = build_report([builder.root])
    assert any(table.tied for table in report.tables)
    return report_html(report)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_no_serious_violation(
    answered: str, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = tmp_path / "report.html"
    page.write_text(answered)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        view.goto(page.as_uri())
        found = []
        for unfolded in (False, True):  # as the page opens, and with every table in sight
            view.evaluate(
                f"for (const details of document.querySelectorAll('details')) details.open = {json.dumps(unfolded)}"
            )
            found += axe.Axe().run(view).response["violations"]
        browser.close()
    severe = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert [(violation["id"], [node["html"][:200] for node in violation["nodes"]][:3]) for violation in severe] == []
