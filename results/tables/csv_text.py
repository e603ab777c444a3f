"""Texts in CSV files, which spreadsheets open."""

import re

from robustsweep.printable import printable

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def csv_text(text: str) -> str:
    """Write a text so that a spreadsheet shows it and never computes it.

    One that begins as a formula does, with ``=``, ``+``, ``-`` or ``@`` (wide forms, tabs and line breaks included),
    gets an apostrophe in front, as a person would type it; a number stays a number. Control characters are replaced.
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{printable(text)}" if is_formula else printable(text)
