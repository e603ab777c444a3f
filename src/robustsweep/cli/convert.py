"""``robustsweep convert``: make a native checkpoint."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    checkpoint: Annotated[str, typer.Argument(help="Checkpoint spec, such as net.pth,arch=resnet20,norm=cifar10.")],
    out: Annotated[Path, typer.Argument(help="File to write: OUT.safetensors.")],
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
    say(f"{out}: {found[0].card.architecture}, {found[0].card.classes} classes, id {found[0].id}")
