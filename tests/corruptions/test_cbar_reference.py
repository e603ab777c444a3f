"""Pixels of the original C-bar generator, from its own draws, where the reference data lie beside the checkout."""

import io
import json
import math
import os
import tarfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from applying import applied
from cbar_draws import draws_of
from PIL import Image

from robustsweep.corruptions import CIFAR_C_BAR, IMAGENET_C_BAR, SEVERITIES, corrupt_batch

SHARED = Path(os.environ.get("ROBUSTSWEEP_SHARED", Path(__file__).parents[2] / ".." / "shared")).resolve() / "data"
FILES = {"cifar": SHARED / "cbar_reference_32.npz", "imagenet": SHARED / "cbar_reference_224.npz"}
pytestmark = pytest.mark.skipif(
    not all(path.is_file() for path in FILES.values()), reason="the original C-bar pixels are not here"
)
# Exact halves are rounded there, and the last bit decides.
SHARE_EQUAL = {"transverse_chromatic_abberation": 0.995}


@lru_cache
def opened(table):
    return np.load(FILES[table])


def pixels(array):
    return torch.from_numpy(np.moveaxis(array, -1, -3).copy())


@pytest.mark.parametrize(
    ("table", "name"),
    [("cifar", name) for name in CIFAR_C_BAR] + [("imagenet", name) for name in IMAGENET_C_BAR],
)
def test_the_originals_draws_give_the_originals_pixels(table, name):
    file = opened(table)
    clean, originals = pixels(file["clean"]), pixels(file[name])
    for severity in SEVERITIES:
        ours = applied(name, table, severity, clean, draws_of(file, name, severity, clean.shape[2:]))
        difference = (ours.int() - originals[severity - 1].int()).abs()
        equal = float((difference == 0).double().mean())
        print(f"{table} {name}@{severity}: {1 - equal:.4%} differ, at most by {difference.max()}")
        assert equal >= SHARE_EQUAL.get(name, 0.999)
        assert difference.max() <= 1


STATISTICS = SHARED / "cbar_statistics_300.json"
PHOTOS = SHARED / "cifar10-jpeg.tar.xz"


@lru_cache
def photos():
    """Every second of the 2000 JPEG copies of CIFAR-10's test images, uint8 (1000, 3, 32, 32)."""
    with tarfile.open(PHOTOS) as archive:
        # In the archive's order: going back in it would unpack it again.
        files = {one.name: archive.extractfile(one).read() for one in archive if one.name.endswith(".jpg")}
    decoded = [np.asarray(Image.open(io.BytesIO(files[name])).convert("RGB")) for name in sorted(files)[::2]]
    return pixels(np.stack(decoded))


@pytest.mark.skipif(not (STATISTICS.is_file() and PHOTOS.is_file()), reason="the original statistics are not here")
@pytest.mark.parametrize("name", CIFAR_C_BAR)
def test_our_draws_do_the_originals_damage_within_three_standard_errors(name):
    cells = json.loads(STATISTICS.read_text())["cells"]
    clean = photos()
    for severity in SEVERITIES:
        theirs = cells[f"{name}/{severity}"]
        ours = corrupt_batch(clean, name, severity, table="cifar", seed=0, ids=torch.arange(len(clean)))
        damage = (ours.double() - clean).flatten(1)
        for statistic, values in (("mean", damage.mean(1)), ("spread", damage.std(1, correction=0))):
            gap = float(values.mean()) - theirs[statistic]
            error = math.sqrt(theirs[f"{statistic}_sd"] ** 2 / 300 + float(values.var()) / len(values))
            print(f"{name}@{severity}: {statistic} {theirs[statistic]:.3f}, gap {gap:.3f}, {gap / error:.2f} errors")
            assert abs(gap) <= 3 * error
