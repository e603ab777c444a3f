"""The files that people open: tables as Markdown and CSV, every number, and figures."""

from collections.abc import Iterator
from pathlib import Path

from robustsweep.results.report.attribution.map_arrays import MapSet
from robustsweep.results.report.attribution.map_figures import map_figures
from robustsweep.results.report.attribution.map_numbers import numbers_csv
from robustsweep.results.report.attribution.map_tables import map_tables
from robustsweep.results.report.attribution.method_maps import MethodMaps
from robustsweep.results.stored.entries import write_entry
from robustsweep.results.tables.formats import escape_markdown, to_csv, to_markdown


def write_maps(root: Path, found: MapSet) -> tuple[Path, ...]:
    """Write the tables, numbers and figures of a folder's maps, each file whole or not at all.

    Returns:
        The files.
    """
    contents = dict(_contents(MethodMaps(found)))
    for name, content in contents.items():
        write_entry(root, name.split("/"), content)
    return tuple(root / name for name in contents)


def _contents(maps: MethodMaps) -> Iterator[tuple[str, bytes]]:
    tables, pictures = map_tables(maps), map_figures(maps)
    parts = ["# Where networks look\n"]
    for picture in pictures:
        parts.append(
            f"![{escape_markdown(picture.alt)}](figures/{picture.slug}.png)\n\n{escape_markdown(picture.title)}\n"
        )
        yield f"figures/{picture.slug}.png", picture.rendered("png")
        yield f"figures/{picture.slug}.svg", picture.rendered("svg")
    for table in tables:
        parts.append(to_markdown(table, 2))
        yield f"tables/{table.slug}.csv", to_csv(table).encode()
    yield "numbers.csv", numbers_csv(maps).encode()
    yield "attribution.md", "\n".join(parts).encode()
