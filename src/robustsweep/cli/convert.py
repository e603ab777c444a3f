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
    from robustsweep.benchmark.checkpoints import resolve, save_native
    from robustsweep.cli.terminal import say
    from robustsweep.errors import UsageError

    if out.suffix != ".safetensors":
        raise UsageError(f"The file to write must end in .safetensors, got {out}.")
    found = resolve(checkpoint)
    if len(found) != 1:
        raise UsageError(f"{checkpoint} names {len(found)} checkpoints; convert one at a time.")
    save_native(out, found[0].load_network(), found[0].card)
    for note in found[0].notes:
        say(f"note: {note}")
    stated = found[0].file_accuracy
    if stated is not None and found[0].card.clean_accuracy is None:
        say(
            f"note: the file states {stated.entry} = {stated.value:g}, which the card leaves out because it may be of "
            "validation images or of another epoch; add clean_accuracy= to keep it."
        )
    say(f"{out}: {found[0].card.architecture}, {found[0].card.classes} classes, id {found[0].id}")
