"""Errors of checkpoints on our corrupted images minus those on the original generators' images of the same pictures.

Needs a file of the original generators' pixels: an npz with ``clean`` (N, H, W, 3), ``labels`` (N,), and for each
corruption (5, N, H, W, 3), severity 1 first, all uint8. Per image the difference is averaged over the cells and over
our seeds; the interval is clustered by image, so that the one draw that the originals had is part of it.
"""

import argparse
import math

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.sweep.evaluation import to_unit_range
from robustsweep.corruptions import COMMON, CORRUPTIONS, SEVERITIES, corrupt_batch, table_for
from robustsweep.corruptions.corruption import no_fields

CPU = torch.device("cpu")


def planar(images):
    """Turn uint8 images (N, H, W, 3) into a tensor (N, 3, H, W)."""
    return torch.from_numpy(np.moveaxis(images, -1, 1).copy())


@torch.inference_mode()
def wrong(modules, images, labels):
    """Return a float64 array (models, N): 1 where the top-1 prediction is wrong."""
    batch = to_unit_range(images, CPU)
    return np.stack([(module(batch).argmax(1) != labels).double().numpy() for module in modules])


def wrong_on_ours(modules, clean, labels, name, severity, seeds):
    """Return (models, N): the share of seeds under which our corrupted image is misclassified."""
    table = table_for(*clean.shape[2:])
    runs = range(1 if CORRUPTIONS[name].sample is no_fields else seeds)
    ids = torch.arange(len(clean))
    corrupted = (corrupt_batch(clean, name, severity, table=table, seed=seed, ids=ids) for seed in runs)
    return np.mean([wrong(modules, images, labels) for images in corrupted], axis=0)


def half_width(differences):
    """Half of the 95% interval of a mean over images (Student's t)."""
    return stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / math.sqrt(len(differences))


def row_of(name, ours, original):
    """Write percentages from two arrays (cells, N)."""
    differences = 100.0 * (ours - original).mean(axis=0)
    mean, half = differences.mean(), half_width(differences)
    errors = (f"{100.0 * errors.mean():.2f}" for errors in (ours, original))
    return (name, *errors, f"{mean:+.2f}", f"{mean - half:+.2f} to {mean + half:+.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", help="npz file of the original generators' pixels")
    parser.add_argument("checkpoints", nargs="+", help="checkpoint specs, such as net.th,arch=resnet20,norm=imagenet")
    parser.add_argument("--seeds", type=int, default=8, help="draws of ours to average (default: 8)")
    options = parser.parse_args()
    console = Console(highlight=False)
    modules = [resolve(spec)[0].load() for spec in options.checkpoints]
    with np.load(options.reference) as file:
        clean, labels = planar(file["clean"]), torch.from_numpy(file["labels"].astype(np.int64))
        pairs = []
        for name in track(COMMON, description="measuring", console=console, transient=True):
            for severity, pixels in zip(SEVERITIES, file[name], strict=True):
                ours = wrong_on_ours(modules, clean, labels, name, severity, options.seeds)
                pairs.append((ours, wrong(modules, planar(pixels), labels)))
    cells = np.array(pairs).reshape(len(COMMON), len(SEVERITIES), 2, len(modules), len(labels))
    clean_errors = 100.0 * wrong(modules, clean, labels).mean(axis=1)
    for model, spec in enumerate(options.checkpoints):
        title = f"{spec}\n{len(labels)} images, clean error {clean_errors[model]:.2f} %, {options.seeds} seeds of ours"
        table = Table("corruption", "ours %", "original %", "difference", "95% interval", title=title)
        for name, (ours, original) in zip(COMMON, cells[:, :, :, model].transpose(0, 2, 1, 3), strict=True):
            table.add_row(*row_of(name, ours, original))
        table.add_section()
        table.add_row(*row_of("mean of 15", *cells[:, :, :, model].transpose(2, 0, 1, 3).reshape(2, -1, len(labels))))
        console.print(table)


if __name__ == "__main__":
    main()
