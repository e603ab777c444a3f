"""The maps of run folders in the report of these runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from robustsweep.errors import DataError
from robustsweep.results.report.attribution.map_arrays import MapSet
from robustsweep.results.report.attribution.map_figures import map_figures
from robustsweep.results.report.attribution.map_tables import map_tables
from robustsweep.results.report.attribution.method_maps import MethodMaps
from robustsweep.results.report.attribution.stored_maps import FOLDER, MapFiles
from robustsweep.results.report.section import Section


def with_maps(sections: Sequence[Section], runs: Sequence[Path]) -> tuple[Section, ...]:
    """Add what the folder ``attributions`` of each run holds to the set of the same images, else to the first.

    Tables and figures are made again of the stored numbers and pictures. What cannot be read is named in a note and
    left out: no other number depends on it.

    Args:
        sections: The sets.
        runs: The run folders.
    """
    found = list(sections)
    for number, run in enumerate(runs, 1):
        try:
            maps = MapFiles(run, FOLDER).read()
        except DataError as error:
            unit = found[0].unit
            found[0] = replace(found[0], unit=replace(unit, notes=(*unit.notes, f"Maps are left out: {error}")))
            continue
        if maps is not None:
            scopes = [section.unit.scope.fingerprint for section in found]
            fingerprint = maps.images.about["fingerprint"]
            place = scopes.index(fingerprint) if fingerprint in scopes else 0
            found[place] = _joined(found[place], maps, f"run{number}_" if len(runs) > 1 else "")
    return tuple(found)


def _joined(section: Section, found: MapSet, prefix: str) -> Section:
    maps, prefix = MethodMaps(found), f"{section.prefix}{prefix}"
    tables = [replace(one, slug=f"{prefix}{one.slug}") for one in map_tables(maps)]
    pictures = [
        replace(one, slug=f"{prefix}{one.slug}", table_slug=f"{prefix}{one.table_slug}") for one in map_figures(maps)
    ]
    return replace(section, tables=(*section.tables, *tables), pictures=(*section.pictures, *pictures))
