"""The paper's table as LaTeX: booktabs, in one column of a two-column paper if it fits, else across the page."""

from collections.abc import Iterator, Sequence

from robustsweep.results.report.latex import escape_latex
from robustsweep.results.report.paper.caption import caption, seeds_differ
from robustsweep.results.report.paper.cells import PaperCell, PaperColumn, PaperTable

COLUMN_POINTS, PAGE_POINTS, HEIGHT_POINTS = 230, 460, 450
"""Widths and the height that two-column classes leave at least, beside a caption and notes."""

_POINTS, _SMALL_POINTS, _GAP_POINTS, _METHOD_POINTS, _HEAD_POINTS = 4.7, 3.9, 8.0, 22.0, 40.0
_HEADER_CHARACTERS = 11
_LABEL_CHARACTERS = 30
_TIED = r"$^{\approx}$"
_OPENING = (
    r"\centering\small",
    r"\setlength{\abovecaptionskip}{0pt}\setlength{\belowcaptionskip}{6pt}\setlength{\tabcolsep}{4pt}",
)
_SHRUNK = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def paper_latex(table: PaperTable) -> str:
    r"""Render the table as a float that needs booktabs and graphicx.

    It is a ``table`` if it fits one column of a two-column paper, else a ``table*``. What is wider than the page goes
    on in a block below with the methods' names again, and what is higher than the page in another float. No font is
    smaller than \scriptsize, unless the page is narrower than that of the common two-column classes.
    """
    blocks = list(_blocks(table))
    is_narrow = len(blocks) == 1 and _width(table, blocks[0]) <= COLUMN_POINTS
    environment = "table" if is_narrow else "table*"
    per_float = max(1, int(HEIGHT_POINTS // (_HEAD_POINTS + _METHOD_POINTS * len(table.groups))))
    lines = [r"% Needs \usepackage{booktabs,graphicx}."]
    for start in range(0, len(blocks), per_float):
        lines += [rf"\begin{{{environment}}}[tb]", *_OPENING]
        lines += [rf"\caption{{{escape_latex(caption(table))}}}", rf"\label{{tab:{table.slug}}}"] if not start else []
        lines += [r"\addtocounter{table}{-1}\caption{(continued)}"] if start else []
        for number, block in enumerate(blocks[start : start + per_float]):
            lines += [r"\par\medskip"] if number else []
            lines += _block(table, block)
        if table.notes and start + per_float >= len(blocks):
            notes = " ".join(map(escape_latex, table.notes))
            lines += [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\footnotesize\raggedright {notes}}}"]
        lines.append(rf"\end{{{environment}}}")
    return "\n".join(lines) + "\n"


def _blocks(table: PaperTable) -> Iterator[Sequence[PaperColumn]]:
    """Split the scores so that each part fits the page beside the methods' names, as evenly as they allow."""
    keys = _width(table, [])
    widths = [_width(table, [column]) - keys for column in table.columns]
    n = len(widths)

    def fits(size: int) -> bool:
        return all(keys + sum(widths[k : k + size]) <= PAGE_POINTS for k in range(0, n, size))

    most = next((size for size in range(n, 1, -1) if fits(size)), 1)
    size = -(-n // -(-n // most))
    yield from (table.columns[k : k + size] for k in range(0, n, size))


def _width(table: PaperTable, columns: Sequence[PaperColumn]) -> float:
    """Estimate the width in points, in the fonts of the standard classes at 10 pt."""
    labels = [line for label in table.labels for line in _lines(label, _LABEL_CHARACTERS)]
    total = _POINTS * max(map(len, [*labels, "Method"])) + _GAP_POINTS
    total += _POINTS * len("Seeds") + _GAP_POINTS if seeds_differ(table) else 0
    for column in columns:
        first = max(
            _POINTS * len(_number(table, column, cell.value)) + _SMALL_POINTS * len(_beside(table, column, cell))
            for cell in column.cells
        )
        second = _SMALL_POINTS * max(len(_below(table, column, cell)) for cell in column.cells)
        head = _POINTS * max(map(len, _lines(column.title, _HEADER_CHARACTERS)))
        total += max(first + _SMALL_POINTS * _has_ties(column), second, head) + _GAP_POINTS
    return total


def _block(table: PaperTable, columns: Sequence[PaperColumn]) -> Iterator[str]:
    has_seeds = seeds_differ(table)
    yield _SHRUNK
    yield rf"\begin{{tabular}}{{l{'r' if has_seeds else ''}{'r@{}l' * len(columns)}}}"
    yield r"\toprule"
    heads = [_stacked(column.title, _HEADER_CHARACTERS) for column in columns]
    heads = ["Method", *(["Seeds"] if has_seeds else []), *(rf"\multicolumn{{2}}{{c}}{{{head}}}" for head in heads)]
    yield " & ".join(heads) + r" \\"
    yield r"\midrule"
    for place, (label, group) in enumerate(zip(table.labels, table.groups, strict=True)):
        keys = [rf"{{{_stacked(label, _LABEL_CHARACTERS, 'l')}}}"]
        keys += [str(len(group.checkpoint_ids))] if has_seeds else []
        yield " & ".join([*keys, *(_first_line(table, column, column.cells[place]) for column in columns)]) + r" \\"
        below = [_below(table, column, column.cells[place]) for column in columns]
        if any(below):
            pairs = [rf"\multicolumn{{2}}{{c}}{{\scriptsize {_typeset(text)}}}" if text else "&" for text in below]
            yield " & ".join([*[""] * len(keys), *pairs]) + r" \\"
        if place + 1 < len(table.groups):
            yield r"\addlinespace[2pt]"
    yield r"\bottomrule"
    yield r"\end{tabular}}"


def _first_line(table: PaperTable, column: PaperColumn, cell: PaperCell) -> str:
    shown = _typeset(_number(table, column, cell.value))
    shown = rf"\textbf{{{shown}}}" if cell.is_best else shown
    beside = _typeset(_beside(table, column, cell))
    blank = rf"\phantom{{{_TIED}}}" if _has_ties(column) else ""
    return f"{shown} & {_TIED if cell.is_tied else blank}" + (rf"{{\scriptsize\,{beside}}}" if beside else "")


def _has_ties(column: PaperColumn) -> bool:
    return any(cell.is_tied for cell in column.cells)


def _beside(table: PaperTable, column: PaperColumn, cell: PaperCell) -> str:
    """Return what stands behind a mean: the standard deviation, or the difference if intervals stand below."""
    if table.spread == "interval":
        return _difference(table, column, cell)
    return "" if cell.deviation is None else f"±{_number(table, column, cell.deviation)}"


def _below(table: PaperTable, column: PaperColumn, cell: PaperCell) -> str:
    if table.spread == "sd":
        return _difference(table, column, cell)
    ends = [_number(table, column, end) for end in cell.interval or ()]
    return f"[{', '.join(ends)}]" if ends else ""


def _difference(table: PaperTable, column: PaperColumn, cell: PaperCell) -> str:
    if cell.difference is None:
        return ""
    shown = _number(table, column, abs(cell.difference))
    # What is shown as zero has no sign.
    sign = ("-" if cell.difference < 0 else "+") if float(shown) else ""
    return f"{sign}{shown}{'†' if cell.is_significant else ''}"


def _number(table: PaperTable, column: PaperColumn, value: float | None) -> str:
    if value is None:
        return column.column.shown(None)
    is_percent = column.column.unit == "percent"
    return f"{100 * value:.{table.digits}f}" if is_percent else f"{value:.{table.digits + 1}f}"


def _typeset(shown: str) -> str:
    """Typeset digits, signs and marks."""
    for text, typeset in (("-", "$-$"), ("+", "$+$"), ("±", r"$\pm$"), ("†", r"$^{\dagger}$"), ("–", "--")):
        shown = shown.replace(text, typeset)
    return shown


def _stacked(text: str, width: int, alignment: str = "c") -> str:
    lines = [escape_latex(line) for line in _lines(text, width)]
    joined = r" \\ ".join(f"{{{line}}}" for line in lines)
    tabular = rf"\begin{{tabular}}[{'b' if alignment == 'c' else 't'}]{{@{{}}{alignment}@{{}}}}{joined}\end{{tabular}}"
    return lines[0] if len(lines) == 1 else tabular


def _lines(text: str, width: int) -> list[str]:
    """Break a text at spaces."""
    lines: list[str] = []
    for word in text.split() or [""]:
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
