"""Small trees of image files, and archives of them."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from robustsweep.benchmark.data import Dataset, OfficialSet, open_data


def pixels(seed: int, height: int = 8, width: int = 8) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_files(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def png_files(*names: str, side: int = 8) -> dict[str, bytes]:
    """Give every name an image of its own."""
    return {name: encoded(pixels(seed, side, side)) for seed, name in enumerate(names)}


def archive_of(folder: Path, suffix: str, wrapper: str = "") -> Path:
    """Pack a folder: ``.tar``, a compressed tar, or ``.zip``; members in an order of their own."""
    path = folder.parent / f"{folder.name}{suffix}"
    files = sorted((p for p in folder.rglob("*") if p.is_file()), reverse=True)
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, wrapper + file.relative_to(folder).as_posix())
        return path
    compression = suffix.removeprefix(".tar").removeprefix(".").replace("tgz", "gz")
    with tarfile.open(path, f"w:{compression}") as tar:
        for file in files:
            tar.add(file, wrapper + file.relative_to(folder).as_posix())
    return path


def opened(spec: str) -> Dataset:
    data = open_data(spec, workers=2)
    assert isinstance(data, Dataset)
    return data


def opened_official(spec: str) -> OfficialSet:
    data = open_data(spec, workers=2)
    assert isinstance(data, OfficialSet)
    return data


def everything(data: Dataset) -> np.ndarray:
    return data.images(np.arange(len(data), dtype=np.int64)).numpy()


def snapshot(folder: Path) -> list[str]:
    """List everything below a folder."""
    return sorted(os.path.join(where, name) for where, folders, files in os.walk(folder) for name in (*folders, *files))
