"""Specs of data sets as hubs publish them: tables of Hugging Face, and shards of WebDataset."""

import re
from pathlib import Path

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.opening import DATASETS
from robustsweep.benchmark.data.readers.options import allow_keys, preprocessing_of
from robustsweep.benchmark.data.tables.encoded_rows import encoded_rows
from robustsweep.benchmark.data.tables.stored_tables import open_table
from robustsweep.benchmark.data.webdataset import open_shards
from robustsweep.benchmark.spec import Spec, positive_int
from robustsweep.errors import UsageError

_PATTERN_END = re.compile(r"[*?\[{].*|\.tar.*")


def _classes(spec: Spec) -> int | None:
    return positive_int(spec.options["classes"], "classes=") if "classes" in spec.options else None


def _needed(spec: Spec, location: str | None, example: str) -> str:
    if location is None:
        raise UsageError(f"Data spec {spec.text!r} does not say which data; write {example}.")
    return location


@DATASETS.register("hfdata")
def _hfdata(spec: Spec, location: str | None, workers: int) -> Dataset:
    """hfdata:NAME|DIR[,split=][,image=,label=][,resize=,crop=]: a data set of Hugging Face, or its parquet or arrow."""
    allow_keys(spec, "split", "image", "label", "classes", "name", "resize", "crop")
    place = _needed(spec, location, "hfdata:ORG/NAME or hfdata:FOLDER")
    table, split = open_table(place, spec.options.get("split"))
    return encoded_rows(
        table,
        place,
        name=spec.options.get("name", Path(place).name.partition(".")[0] or "hfdata"),
        split=split,
        image=spec.options.get("image"),
        label=spec.options.get("label"),
        classes=_classes(spec),
        preprocessing=preprocessing_of(spec, Preprocessing()),
        workers=workers,
    )


@DATASETS.register("wds")
def _wds(spec: Spec, location: str | None, workers: int) -> Dataset:
    """wds:PATTERN[,classes=][,name=][,resize=,crop=]: WebDataset's tar shards, KEY.jpg|png|webp beside KEY.cls."""
    allow_keys(spec, "classes", "name", "resize", "crop")
    pattern = _needed(spec, location, "wds:FOLDER/val-{000..012}.tar")
    return open_shards(
        pattern,
        name=spec.options.get("name", _PATTERN_END.sub("", Path(pattern).name).strip("-_.") or "wds"),
        split="all",
        classes=_classes(spec),
        preprocessing=preprocessing_of(spec, Preprocessing()),
        workers=workers,
    )
