"""The caption of the paper's table: two sentences about its numbers."""

from collections.abc import Iterator

from robustsweep.results.report.paper.cells import PaperTable


def caption(table: PaperTable) -> str:
    """Say what was measured on what, and what the marks mean; plain text."""
    return " ".join([_measured(table), *_marks(table)])


def seeds_differ(table: PaperTable) -> bool:
    """Whether the methods' numbers of training seeds need a column."""
    return len({len(group.checkpoint_ids) for group in table.groups}) > 1


def _measured(table: PaperTable) -> str:
    scope = table.unit.scope
    are_errors = all(column.name.endswith("_error") for column in table.columns)
    rising = [column.title.split(" (")[0] for column in table.columns if column.column.higher_is_better]
    better = f"lower is better, but for {', '.join(rising)}" if rising else "lower is better"
    what = f"Top-1 error (%, {better})" if are_errors else f"Scores (%, if no unit is named; {better})"
    architectures = ", ".join(dict.fromkeys(map(str, table.unit.checkpoints["architecture"])))
    images = f"{scope.data} ({f'a subset, {scope.subset} images' if scope.subset else f'{scope.n:,} images'}"
    if scope.provenance == "official":
        images += ", the published corrupted files"
    elif scope.table:
        images += f", corruptions generated with the {scope.table} severities"
    training = f", {scope.training}" if scope.training else ""
    return f"{what} of {architectures} on {images}){training}: {_mean(table)}."


def _mean(table: PaperTable) -> str:
    numbers = {len(group.checkpoint_ids) for group in table.groups}
    if numbers == {1}:
        spread = " [95% interval over test images]" if _has_intervals(table) else ""
        return f"one training seed per method{spread}, so that differences speak of these checkpoints alone"
    over = "the training seeds" if len(numbers) > 1 else f"{max(numbers)} training seeds"
    if table.spread == "interval":
        return f"mean over {over} [95% interval over images and seeds]"
    return f"mean ± standard deviation over {over}"


def _has_intervals(table: PaperTable) -> bool:
    return table.spread == "interval" and any(cell.interval for column in table.columns for cell in column.cells)


def _marks(table: PaperTable) -> Iterator[str]:
    cells = [cell for column in table.columns for cell in column.cells]
    said = ["bold: best of its column"] if any(cell.is_best for cell in cells) else []
    if any(cell.is_tied for cell in cells):
        said.append("≈: not significantly different from the best (two-sided, Holm within the column at 5%)")
    if table.against is not None:
        name = table.labels[table.against]
        where = "below" if table.spread == "sd" else "beside"
        said.append(f"{where}: difference to {name} in percentage points, †: significant at 5% ({_test(table)})")
    if said:
        sentence = "; ".join(said)
        yield f"{sentence[0].upper()}{sentence[1:]}."


def _test(table: PaperTable) -> str:
    test = f"two-sided, Holm over all {table.n_tests} tests" if table.n_tests > 1 else "two-sided"
    cells = [cell for column in table.columns for cell in column.cells]
    few = any(cell.difference is not None and not cell.is_tested for cell in cells)
    return f"{test}; methods with too few seeds for a test bear none" if few else test
