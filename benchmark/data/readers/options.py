"""The keys of data specs that several of them have."""

from pathlib import Path

from robustsweep.benchmark.data.dataset import Dataset
from robustsweep.benchmark.data.files.pixels import Preprocessing
from robustsweep.benchmark.data.opening import open_data
from robustsweep.benchmark.spec import Spec, positive_int
from robustsweep.errors import UsageError


def allow_keys(spec: Spec, *allowed: str) -> None:
    """Refuse keys that the scheme does not have.

    Raises:
        UsageError: Naming the first one.
    """
    for key in spec.options:
        if key not in allowed:
            raise UsageError(f"Data spec {spec.text!r}: {key}= has no meaning here; allowed: {', '.join(allowed)}.")


def location_of(spec: Spec, location: str | None, noun: str = "a folder or an archive") -> Path:
    """Return the path of a spec that needs one; ``noun`` says to what.

    Raises:
        UsageError: If there is none.
    """
    if location is None:
        raise UsageError(f"Data spec {spec.text!r} needs {noun}: {spec.target.rstrip(':')}:PATH.")
    return Path(location).expanduser()


def split_of(spec: Spec, *allowed: str) -> str | None:
    """Return the split that was asked for; None: no one was.

    Raises:
        UsageError: If it is none of those allowed.
    """
    split = spec.options.get("split")
    if split is not None and split not in allowed:
        raise UsageError(f"Data spec {spec.text!r}: split must be {' or '.join(allowed)}, got {split!r}.")
    return split


def clean_images(spec: Spec, workers: int) -> Dataset | None:
    """Open the clean images that ``clean=`` names; None: it was not given.

    Raises:
        UsageError: If it names a corrupted set, or cannot be understood.
        DataError: If the images are missing or malformed.
    """
    if "clean" not in spec.options:
        return None
    clean = open_data(spec.options["clean"], workers=workers)
    if not isinstance(clean, Dataset):
        raise UsageError(f"Data spec {spec.text!r}: clean= must name clean images, not a corrupted set.")
    return clean


def preprocessing_of(spec: Spec, default: Preprocessing) -> Preprocessing:
    """Return what ``resize=`` and ``crop=`` ask for, or the default if neither was given.

    Raises:
        UsageError: If one is not a positive integer.
    """
    sizes = {key: positive_int(spec.options[key], f"{key}=") for key in ("resize", "crop") if key in spec.options}
    return Preprocessing(**sizes) if sizes else default
