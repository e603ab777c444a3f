"""One checkpoint's values by condition, ready for many metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured of one checkpoint, ready to be looked up many times.

    Attributes:
        name: Of the checkpoint.
        values: A quantity by condition; none of them is NaN.
    """

    name: str
    values: dict[str, float]

    @classmethod
    def of(cls, values: "pd.Series[float]") -> "Measured":
        """Leave out what is NaN."""
        pairs = zip(values.index.tolist(), values.to_numpy(dtype=np.float64).tolist(), strict=True)
        return cls(str(values.name or "this checkpoint"), {name: value for name, value in pairs if value == value})

    def taken(self, conditions: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the values of some conditions, in their order."""
        return np.array([self.values[name] for name in conditions], dtype=np.float64)
