"""Data sets of Hugging Face by name, from its cache or over the network, and from folders of parquet or arrow files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robustsweep.errors import DataError, MissingDependencyError
from robustsweep.foreign_code import described, errors_alone, foreign_code
from robustsweep.printable import listed, printable
from robustsweep.untrusted.growth import check_growth

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_SPLIT = re.compile(r"(?:^|[/_.-])(train|validation|valid|val|dev|test)(?=[/_.-])")
_USUAL = ("test", "validation", "val", "valid", "dev")
_SAVED = ("dataset_dict.json", "state.json")
_SHOWN = 300


def open_table(place: str, split: str | None) -> tuple[Any, str]:
    """Open one split of a data set of Hugging Face.

    Args:
        place: A folder or file (parquet, arrow, or as ``save_to_disk`` writes it), else the name of a data set.
        split: Which; None: ``test``, ``validation`` and the like, or the only one.

    Returns:
        The ``datasets.Dataset``, and the split's name.

    Raises:
        DataError: If it is missing or cannot be read, or there is no such split.
        MissingDependencyError: If ``datasets`` is not installed.
    """
    datasets = _library()
    path = Path(place).expanduser()
    try:
        with foreign_code(), errors_alone("huggingface_hub"):
            splits = _stored(datasets, path) if path.exists() else _named(datasets, place)
    except DataError:
        raise
    except Exception as error:  # a library of files and network calls can raise anything
        raise DataError(_reason(place, path.exists(), error)) from error
    return _chosen(splits, split, place)


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingDependencyError(
            f"datasets cannot be imported ({error}); install it with: pip install 'robustsweep[hf]'."
        ) from error
    return datasets


def _stored(datasets: Any, path: Path) -> Mapping[str, Any]:
    if path.is_dir() and any((path / name).is_file() for name in _SAVED):
        saved = datasets.load_from_disk(str(path))
        return saved if isinstance(saved, Mapping) else {"all": saved}
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in found if file.is_file() and file.suffix in (".parquet", ".arrow")]
    if not files:
        raise DataError(f"{path} holds no .parquet or .arrow file, and is not what save_to_disk writes.")
    by_split: dict[str, list[Path]] = {}
    for file in files:
        named = _SPLIT.search(file.relative_to(path).as_posix() if file != path else file.name)
        by_split.setdefault(named[1] if named else "all", []).append(file)
    return {name: _read(datasets, name, part) for name, part in by_split.items()}


def _read(datasets: Any, split: str, files: Sequence[Path]) -> Any:
    if len({file.suffix for file in files}) > 1:
        raise DataError(f"{files[0].parent} holds parquet and arrow files of one split; remove those of one kind.")
    if files[0].suffix == ".arrow":
        return datasets.concatenate_datasets([datasets.Dataset.from_file(str(file)) for file in files])
    for file in files:
        _check_parquet(file)
    return datasets.load_dataset("parquet", data_files={split: [str(file) for file in files]}, split=split)


def _check_parquet(file: Path) -> None:
    """Refuse a small file that says it unpacks to gigabytes: the library unpacks it into its cache."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as opened:
        parts = [opened.metadata.row_group(group) for group in range(opened.metadata.num_row_groups)]
        unpacked = sum(part.total_byte_size for part in parts)
    check_growth(str(file), file.stat().st_size, unpacked, "write it again without compression")


def _named(datasets: Any, name: str) -> Mapping[str, Any]:
    if not _NAME.fullmatch(name):
        raise DataError(f"{printable(name)} does not exist; give hfdata:FOLDER or hfdata:ORG/NAME.")
    splits: Mapping[str, Any] = datasets.load_dataset(name)
    return splits


def _chosen(splits: Mapping[str, Any], split: str | None, place: str) -> tuple[Any, str]:
    names = [str(name) for name in splits]
    wanted = split or next((name for name in _USUAL if name in names), names[0] if len(names) == 1 else None)
    if wanted is None or wanted not in names:
        missing = "say split=" if split is None else f"there is no split {split!r}"
        raise DataError(f"{printable(place)}: {missing}; it has {listed(names)}.")
    return splits[wanted], wanted


def _reason(place: str, is_local: bool, error: Exception) -> str:
    reason = printable(" ".join(described(error).split()))[:_SHOWN]
    if is_local:
        return f"{place} cannot be read as a data set of Hugging Face ({reason}); write it again with save_to_disk."
    return (
        f"The data set {place} cannot be loaded ({reason}). Without a network it must be in the cache of datasets; "
        "else save it on another machine with save_to_disk, and give the folder."
    )
