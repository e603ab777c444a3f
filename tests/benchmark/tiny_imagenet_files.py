"""A few images in the published layout of Tiny-ImageNet."""

import io
from pathlib import Path

import numpy as np
from image_trees import encoded, pixels, write_files
from PIL import Image

from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, TINY_IMAGENET

FIRST, MIDDLE, LAST = (TINY_IMAGENET.wnids[index] for index in (0, 57, 199))


# In the published order the files of a class are scattered, and val_10 sorts before val_2.
ANNOTATED = {"val_0.JPEG": LAST, "val_2.JPEG": FIRST, "val_10.JPEG": FIRST, "val_3.JPEG": MIDDLE, "val_11.JPEG": LAST}


IN_ORDER = sorted(f"{wnid}/{file}" for file, wnid in ANNOTATED.items())


CLASS_OF = {FIRST: 0, MIDDLE: 57, LAST: 199}


LABELS = [CLASS_OF[name.split("/")[0]] for name in IN_ORDER]


# A wnid of ImageNet-1k that Tiny-ImageNet lacks.
FOREIGN = next(wnid for wnid in IMAGENET_1K.wnids if wnid not in TINY_IMAGENET.wnids)


def jpeg(seed: int, side: int = 64) -> bytes:
    return encoded(pixels(seed, side, side), "JPEG", quality=90)


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def seed_of(file: str) -> int:
    return int(file.removesuffix(".JPEG").split("_")[-1])


def annotations(lines: dict[str, str]) -> bytes:
    return "".join(f"{file}\t{wnid}\t0\t32\t44\t62\n" for file, wnid in lines.items()).encode()


def published(root: Path) -> Path:
    """Write the published layout with a few images of each split."""
    training = [f"{wnid}/images/{wnid}_{i}.JPEG" for wnid in (MIDDLE, FIRST) for i in (0, 1)]
    return write_files(
        root,
        {
            # As published: not sorted.
            "wnids.txt": f"{LAST}\n{FIRST}\n{MIDDLE}\n".encode(),
            "words.txt": f"{FIRST}\tgoldfish, Carassius auratus\n".encode(),
            "val/val_annotations.txt": annotations(ANNOTATED),
            **{f"val/images/{file}": jpeg(seed_of(file)) for file in ANNOTATED},
            "test/images/test_0.JPEG": jpeg(77),
            **{f"train/{FIRST}/{FIRST}_boxes.txt": b"boxes", f"train/{MIDDLE}/{MIDDLE}_boxes.txt": b"boxes"},
            **{f"train/{name}": jpeg(100 + seed) for seed, name in enumerate(training)},
        },
    )
