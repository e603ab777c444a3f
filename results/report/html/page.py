"""Render a report as one self-contained HTML page."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from robustsweep.printable import printable
from robustsweep.results.comparable.rows import UNSPECIFIED
from robustsweep.results.figures.picture import Picture
from robustsweep.results.report.definitions import definitions
from robustsweep.results.report.document import Report
from robustsweep.results.report.html.outline import closing_parts, parts_of
from robustsweep.results.report.html.strip_images import strip_images
from robustsweep.results.tables.table import METHOD, Column, Table, Value

_FOLDER = Path(__file__).parent
_LONG = 40
"""Characters from which on a text needs a wide column."""


def report_html(report: Report) -> str:
    """Render the whole report; every name from checkpoints and data is escaped.

    The page needs nothing but itself: style, script and figures are inside, and its content security policy forbids
    the browser to load anything else or to run any other script. Without the script everything is still there, only
    the tables cannot be sorted or filtered.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    images = strip_images([strip for section in report.sections for strip in section.strips.strips])
    environment.filters |= {"svg": _svg, "cell": _cell, "breakable": _breakable, "strip_image": images.get}
    script = (_FOLDER / "tables.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    frame = report.frame
    return environment.get_template("report.html.j2").render(
        report=report,
        style=Markup((_FOLDER / "page.css").read_text()),
        script=Markup(script),
        script_hash=digest,
        has_images=bool(images) or any(one.has_pixels for section in report.sections for one in section.pictures),
        parts=[tuple(parts_of(section, number)) for number, section in enumerate(report.sections, 1)],
        closing=tuple(closing_parts(report)),
        n_checkpoints=frame["checkpoint_id"].nunique(),
        n_cells=frame["key"].nunique(),
        names=_names(report),
        definitions=definitions(),
    )


def _names(report: Report) -> dict[str, list[str]]:
    """List what the filter finds, by kind."""
    frame = report.frame
    labels = (str(label) for section in report.sections for label in section.unit.checkpoints["label"])
    return {
        "methods": [METHOD.shown(name) for name in sorted({*frame["method"]} - {UNSPECIFIED})],
        "checkpoints": list(dict.fromkeys(labels)),
        "corruptions": sorted(frame["corruption"].dropna().unique()),
    }


def _breakable(text: str) -> Markup:
    """Escape a text and let its lines end after underscores."""
    return Markup(str(escape(printable(text))).replace("_", "_<wbr>"))


def _printable(value: Any) -> Any:
    """Replace control characters in every text that a template shows; what is markup already stays as it is."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _svg(picture: Picture) -> Markup:
    # matplotlib escapes what little text it leaves in an SVG; names are outlines of glyphs.
    return Markup(picture.inline_svg())


def _cell(table: Table, row: int, place: int, best: set[tuple[int, int]]) -> dict[str, Any]:
    """Describe one value of a table, whose best ones are ``best``, for the template."""
    column, value = table.columns[place], table.rows[row][place]
    text, is_tied = column.shown(value), (row, place) in table.tied
    classes = {
        "number": not column.is_text,
        "long": column.is_text and len(text) > _LONG,
        "again": bool(place == 0 and table.keys > 1 and row and table.rows[row - 1][0] == value),
        "best": (row, place) in best,
        "tied": is_tied,
    }
    return {
        "text": text,
        "key": place < table.keys,
        "classes": " ".join(name for name, holds in classes.items() if holds),
        "sort": _sort_key(column, value),
        "tied": is_tied,
        "overlapping": (row, place) in table.overlapping,
        "interval": table.shown_interval(row, place),
    }


def _sort_key(column: Column, value: Value) -> str | None:
    """Return what a column is sorted by if that is not the text shown; an empty text is missing and comes last."""
    if value is None:
        return ""
    return None if column.is_text or isinstance(value, str) else repr(float(value))
