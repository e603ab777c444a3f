"""The report as one Markdown file."""

from collections.abc import Iterator

from robustsweep.results.figures.picture import Picture
from robustsweep.results.report.definitions import definitions
from robustsweep.results.report.document import Report
from robustsweep.results.report.section import Section
from robustsweep.results.tables.formats import escape_markdown, to_markdown


def report_markdown(report: Report) -> str:
    """Render the whole report; names from checkpoints and data are escaped."""
    parts = [_opening(report)]
    for section in report.sections:
        parts += _section(section)
    parts += [to_markdown(table, level=2) for table in (*report.training, *report.published)]
    if report.cautions:
        parts.append("## Warnings and audits\n")
        parts += [to_markdown(table) for table in report.cautions if table.depth != "data"]
    if report.missing:
        parts.append(to_markdown(report.missing, level=2))
    parts += [to_markdown(report.provenance, level=2), _definitions()]
    return "\n".join(parts)


def _opening(report: Report) -> str:
    frame = report.frame
    lines = [f"# {escape_markdown(report.title)}", ""]
    lines.append(f"- {frame['checkpoint_id'].nunique()} checkpoint(s), {frame['key'].nunique()} measured cells")
    if report.n_missing:
        lines.append(f"- **{report.n_missing} planned cells are missing**, see [Missing cells](#missing-cells)")
    lines.append(f"- Runs: {', '.join(escape_markdown(str(run)) for run in report.runs)}")
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    unit = section.unit
    facts = {
        "Split": unit.split,
        "Classes": str(unit.classes),
        "Fingerprint": unit.scope.fingerprint[:12],
        "Preprocessing": unit.preprocessing,
    }
    lines = [f"## {escape_markdown(unit.scope.title)}", "", escape_markdown(unit.scope.explained), ""]
    lines += [f"- {name}: {escape_markdown(value)}" for name, value in facts.items()]
    lines += [f"- Note: {escape_markdown(note)}" for note in unit.notes]
    lines += [f"- {escape_markdown(sentence)}" for sentence in section.summary]
    yield "\n".join(lines) + "\n"
    yield from map(_figure, section.pictures_after(None))
    for table in section.tables:
        if table.depth == "data":
            continue
        yield to_markdown(table)
        yield from map(_figure, section.pictures_after(table))


def _figure(picture: Picture) -> str:
    return f"![{picture.title}](figures/{picture.slug}.png)\n"


def _definitions() -> str:
    lines = [f"- **{term}**: {escape_markdown(meaning)}" for term, meaning in definitions()]
    return "\n".join(["## Definitions", "", *lines]) + "\n"
