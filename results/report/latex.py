"""The tables as LaTeX for papers: booktabs, every name escaped, one file per table and one that inputs them all."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from robustsweep.printable import printable
from robustsweep.results.figures.picture import Picture
from robustsweep.results.report.definitions import definitions
from robustsweep.results.report.document import Report
from robustsweep.results.report.section import Section
from robustsweep.results.tables.table import Column, Table

_JOINED = re.compile("([-,'])(?=\\1)")
_ESCAPES = {
    "\0": "{}",
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "—": "---",
    "·": r"\textperiodcentered{}",
    "≈": r"$\approx$",
    "‡": r"$\ddagger$",
    "±": r"$\pm$",
    "†": r"\textdagger{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
} | {character: f"\\{character}" for character in "&%$#_"}

PAPER_TABLE = "paper_table"
"""Slug of a set's table for a paper, behind the set's prefix."""

_LINE_CHARACTERS = 40

_HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=1.5cm,landscape]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
"""


def escape_latex(text: str) -> str:
    """Escape ``text`` so that LaTeX typesets it literally.

    Letters with accents stay if T1 fonts have them; a character that LaTeX has no glyph for becomes ``?``. Hyphens,
    commas and apostrophes in a row are kept apart, as fonts join them into a dash or a quotation mark.
    """
    apart = _JOINED.sub("\\1\0", printable(text))  # no printable text holds a zero byte
    return "".join(_ESCAPES.get(character) or _typeset(character) for character in apart)


def _typeset(character: str) -> str:
    if character.isascii() or re.fullmatch("[À-ÿ]", character) and character not in "×÷":
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(_ESCAPES.get(one, one) for one in plain) or "?"


def latex_files(report: Report, papers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Render every table that people read, by file name; ``report.tex`` inputs them and compiles on its own.

    A table's file is a ``table`` environment that needs booktabs and graphicx (it is made as narrow as the page).
    ``report.tex`` also says what the page says in words, and includes the figures as ``SLUG.pdf`` beside it.

    Args:
        report: What to render.
        papers: The papers' tables by file name, each of which begins with the prefix of its set; None: there are none.
    """
    papers = papers or {}
    files = {f"{table.slug}.tex": to_latex(table) for table in report.tables if table.depth != "data"}
    parts = [_HEAD, *(part for section in report.sections for part in _section(section, papers))]
    inside = {table.slug for section in report.sections for table in section.tables}
    parts += [_input(table) for table in report.tables if table.depth != "data" and table.slug not in inside]
    terms = "\n".join(rf"\item[{escape_latex(term)}] {escape_latex(meaning)}" for term, meaning in definitions())
    parts.append(f"\\section*{{Definitions}}\n\\begin{{description}}\n{terms}\n\\end{{description}}\n")
    return {**files, **papers, "report.tex": "".join([*parts, "\\end{document}\n"])}


def _section(section: Section, papers: Mapping[str, str]) -> Iterator[str]:
    scope = section.unit.scope
    yield f"\\section*{{{escape_latex(scope.title)}}}\n{escape_latex(scope.explained)}\n"
    if said := [*section.unit.notes, *section.summary]:
        items = "\n".join(rf"\item {{}}{escape_latex(sentence)}" for sentence in said)
        yield f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}\n"
    if (name := f"{section.prefix}{PAPER_TABLE}.tex") in papers:
        yield f"\\input{{{name}}}\n\\clearpage\n"
    yield from map(_figure, section.pictures_after(None))
    for table in section.tables:
        if table.depth != "data":
            yield _input(table)
            yield from map(_figure, section.pictures_after(table))


def _input(table: Table) -> str:
    return f"\\input{{{table.slug}.tex}}\n\\clearpage\n"


def _figure(picture: Picture) -> str:
    size = r"width=\linewidth,height=0.85\textheight,keepaspectratio"
    lines = [r"\begin{figure}[p]", r"\centering", rf"\includegraphics[{size}]{{{picture.slug}.pdf}}"]
    lines += [rf"\caption{{{escape_latex(picture.title)}.}}", rf"\label{{fig:{picture.slug}}}", r"\end{figure}"]
    return "\n".join([*lines, r"\clearpage"]) + "\n"


def to_latex(table: Table) -> str:
    """Render one table: scope in the caption, notes below; the best is bold, what ties with it has an ``≈``."""
    caption = ". ".join([table.title, *([table.scope.title] if table.scope else [])])
    lines = [r"\begin{table}[p]", r"\centering\small"]
    lines += [r"\setlength{\abovecaptionskip}{0pt}\setlength{\belowcaptionskip}{6pt}"]
    lines += [rf"\caption{{{escape_latex(caption)}.}}", rf"\label{{tab:{table.slug}}}"]
    lines += [r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"]
    lines += [rf"\begin{{tabular}}{{{''.join(map(_alignment, table.columns))}}}", r"\toprule"]
    lines += [" & ".join(escape_latex(column.title) for column in table.columns) + r" \\", r"\midrule"]
    lines += [*_rows(table), r"\bottomrule", r"\end{tabular}}"]
    if table.notes:
        notes = " ".join(escape_latex(note) for note in table.notes)
        lines += [r"\par\medskip", rf"\parbox{{\linewidth}}{{\footnotesize\raggedright {notes}}}"]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _alignment(column: Column) -> str:
    return "l" if column.is_text else "r"


def _rows(table: Table) -> Iterator[str]:
    best = table.best()
    for r, row in enumerate(table.rows):
        texts = []
        for c, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            text = _narrowed(column.shown(value))
            text = rf"\textbf{{{text}}}" if (r, c) in best else text
            text += r"\,$\approx$" if (r, c) in table.tied else ""
            text += r"$^{\ddagger}$" if (r, c) in table.overlapping else ""
            interval = table.shown_interval(r, c)
            # An opening bracket at the start of a row would be read as the length after the row above.
            texts.append(f"{{{text}}}" + (rf" {{\footnotesize {interval}}}" if interval else ""))
        yield " & ".join(texts) + r" \\"


def _narrowed(text: str) -> str:
    """Escape a value; what is long goes over several lines, unless a word of it would not fit one."""
    escaped = escape_latex(text)
    if len(text) <= _LINE_CHARACTERS or max(map(len, text.split())) > _LINE_CHARACTERS // 2:
        return escaped
    return rf"\parbox[t]{{6cm}}{{\raggedright {escaped}\strut}}"
