"""``robustsweep convert``: make a native checkpoint."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    checkpoint: Annotated[
        str, typer.Argument(metavar="SPEC", help="Checkpoint spec, such as net.pth,arch=resnet20,norm=cifar10.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="File to write.")],
) -> None:
    """Write a checkpoint as one safetensors file with its card in the header.

    A native file needs no further keys in a sweep: architecture, normalisation, method and seed travel with it.
    """
    from robustsweep.benchmark.checkpoints import resolve_one, save_native
    from robustsweep.cli.terminal import say
    from robustsweep.errors import UsageError

    if out.suffix != ".safetensors":
        raise UsageError(f"The file to write must end in .safetensors, got {out}.")
    found = resolve_one(checkpoint, "convert")
    save_native(out, found.load_network(), found.card)
    for note in found.notes:
        say(f"note: {note}")
    stated = found.file_accuracy
    if stated is not None and found.card.clean_accuracy is None:
        say(
            f"note: the file states {stated.entry} = {stated.value:g}, which the card leaves out because it may be of "
            "validation images or of another epoch; add clean_accuracy= to keep it."
        )
    say(f"{out}: {found.card.architecture}, {found.card.classes} classes, id {found.id}")
