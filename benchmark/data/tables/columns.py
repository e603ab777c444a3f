"""The columns of a Dataset of Hugging Face, known by what it offers and not by its class."""

from collections.abc import Mapping, Sequence
from typing import Any

from robustsweep.errors import DataError

_IMAGES = ("image", "img", "images")
_LABELS = ("label", "labels", "fine_label", "target")
_ADVICE = "keep one of each, such as data.select_columns(['image', 'label'])"


def is_table(data: object) -> bool:
    """Say whether something offers the columns and features of a Hugging Face data set."""
    return hasattr(data, "column_names") and hasattr(data, "features" if not isinstance(data, Mapping) else "keys")


def image_and_label_columns(
    data: Any, image: str | None = None, label: str | None = None
) -> tuple[str, str, int | None]:
    """Find the columns that hold images and labels.

    Columns of the features ``Image`` and ``ClassLabel`` count, else those of usual names.

    Args:
        data: The data set.
        image: The column of images, if the user says it.
        label: The column of labels, if the user says it.

    Returns:
        The names of both, and the number of classes if the labels' feature says it.

    Raises:
        DataError: If there is not one column of each, or several splits, or no random access.
    """
    if isinstance(data, Mapping):
        raise DataError(f"These are several splits ({', '.join(map(str, data))}); give one, such as data['test'].")
    if not hasattr(data, "__len__"):
        raise DataError("A data set that is streamed has no length; load it without streaming.")
    features: Mapping[str, Any] = data.features or dict.fromkeys(data.column_names or ())
    image = _column(features, "Image", _IMAGES, "images", image)
    label = _column(features, "ClassLabel", _LABELS, "labels", label)
    classes = getattr(features[label], "num_classes", None)
    return image, label, classes if isinstance(classes, int) and classes > 0 else None


def _column(features: Mapping[str, Any], kind: str, names: Sequence[str], noun: str, given: str | None) -> str:
    if given is not None and given not in features:
        raise DataError(f"The data set has no column {given!r}; it has {', '.join(features)}.")
    if given is not None:
        return given
    found = [name for name, feature in features.items() if type(feature).__name__ == kind]
    found = found or [name for name in names if name in features]
    if len(found) != 1:
        listed = ", ".join(found) if found else f"none among {', '.join(features)}"
        raise DataError(f"The data set needs one column of {noun}, and has {listed}; {_ADVICE}.")
    return found[0]
