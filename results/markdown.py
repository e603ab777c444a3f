"""The report as one Markdown file."""

from collections.abc import Iterator

from robustsweep.results.document import Report, Section
from robustsweep.results.metrics import (
    CLEAN_ERROR,
    CLEAN_TOP5_ERROR,
    GROUP_ERRORS,
    MCE,
    MEAN_CORRUPTION_ERROR,
    RELATIVE_MCE,
)
from robustsweep.results.rendering import escape_markdown, to_markdown

_TERMS = (
    ("error", "Fraction of wrong top-1 predictions, shown in percent; CSV files hold fractions."),
    ("CE", "Error under one corruption summed over 5 severities, divided by the same sum of a named reference."),
    (
        "relative CE",
        "The same after subtracting the clean error from each severity, of the checkpoint and of the reference.",
    ),
    (
        "AlexNet",
        "The reference of published mCE values: torchvision's AlexNet on the full official ImageNet-C. Quotients on "
        "any other images are not comparable with published mCE.",
    ),
    (
        "robust accuracy",
        "Fraction of all images still right under the worst iterate and restart of an attack; images that are wrong "
        "without attack are not robust.",
    ),
    (
        "audit",
        "Checks of the attacks themselves: a model whose gradients are masked looks robust to attacks along them.",
    ),
    (
        "median smallest fooling eps",
        "The smallest measured eps that fools at least half of all images (0: clean mistakes).",
    ),
    (
        "window",
        "A patch pasted into the image: our probe of SmoothMix's claim about hard edges. Its sides are the stated "
        "fraction of the image's; a hard, a linear and a Gaussian edge share place, content and mask mass.",
    ),
    ("changed prediction", "Fraction of images whose top-1 prediction under a window is not the clean one."),
    (
        "official, generated",
        "Published corrupted files, or corruptions computed here from clean images. The two never share a table.",
    ),
    (
        "equal compute",
        "Each method after the training that took the longest time not above the baseline's, whatever its number of "
        "epochs; the tables of one training setting are at equal epochs.",
    ),
    ("NLL, Brier", "Mean negative log-likelihood of the label in nats; mean squared distance of probabilities to it."),
)


def report_markdown(report: Report) -> str:
    """Render the whole report; names from checkpoints and data are escaped."""
    parts = [_opening(report)]
    for section in report.sections:
        parts += _section(section)
    parts += [to_markdown(table, level=2) for table in report.training]
    if report.cautions:
        parts.append("## Warnings and audits\n")
        parts += [to_markdown(table) for table in report.cautions if table.depth != "data"]
    if report.missing:
        parts.append(to_markdown(report.missing, level=2))
    parts += [to_markdown(report.provenance, level=2), _definitions()]
    return "\n".join(parts)


def _opening(report: Report) -> str:
    frame = report.frame
    n_missing = sum(int(str(row[1])) for row in report.missing.rows) if report.missing else 0
    lines = ["# Robustness report", ""]
    lines.append(f"- {frame['checkpoint_id'].nunique()} checkpoint(s), {frame['key'].nunique()} measured cells")
    if n_missing:
        lines.append(f"- **{n_missing} planned cells are missing**, see [Missing cells](#missing-cells)")
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
    lines = [f"## {escape_markdown(unit.scope.title)}", ""]
    lines += [f"- {name}: {escape_markdown(value)}" for name, value in facts.items()]
    lines += [f"- Note: {escape_markdown(note)}" for note in unit.notes]
    yield "\n".join(lines) + "\n"
    for table in section.tables:
        if table.depth == "data":
            continue
        yield to_markdown(table)
        yield from (f"![{p.alt}](figures/{p.name})\n" for p in section.pictures if p.table_slug == table.slug)


def _definitions() -> str:
    metrics = (CLEAN_ERROR, CLEAN_TOP5_ERROR, MEAN_CORRUPTION_ERROR, *GROUP_ERRORS, MCE, RELATIVE_MCE)
    terms = [*_TERMS[:1], *((metric.title, metric.definition) for metric in metrics), *_TERMS[1:]]
    return "\n".join(["## Definitions", "", *(f"- **{n}**: {escape_markdown(text)}" for n, text in terms)]) + "\n"
