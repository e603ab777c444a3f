"""``robustsweep publish``: results of runs in public formats."""

from pathlib import Path
from typing import Annotated

import typer


def publish(
    runs: Annotated[list[Path], typer.Argument(metavar="DIR", help="Run folders that a sweep wrote.")],
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="every-eval-ever or hf-eval-results (in percent).",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write below.")] = Path("published"),
    organization: Annotated[str, typer.Option(help="Who evaluated; every-eval-ever needs it.")] = "",
    relationship: Annotated[
        str, typer.Option(help="Of it to the models' makers: first_party, third_party, collaborative or other.")
    ] = "other",
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=ORG/NAME",
            help="Repository of a checkpoint. Default: that which it came from (hf:ORG/NAME).",
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="DATA=ORG/NAME", help="Repository of a data set; hf-eval-results needs it."),
    ] = None,
    source_url: Annotated[str, typer.Option(help="Page that explains the results.")] = "",
) -> None:
    """Write the scores of every checkpoint, with their uncertainty, as files that public collections take.

    Nothing is uploaded.
    """
    from robustsweep.cli.terminal import say
    from robustsweep.results.report.publish.request import PublishRequest, named_repositories
    from robustsweep.results.report.publish.writer import publish as write

    request = PublishRequest(
        file_format,
        organization,
        relationship,
        named_repositories(model or (), "--model"),
        named_repositories(dataset or (), "--dataset"),
        source_url,
    )
    for path in write(runs, out.expanduser(), request):
        say(f"Wrote {path}")
