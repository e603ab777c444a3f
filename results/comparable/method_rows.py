"""Methods as rows: a comparable set whose measurements are means over the training seeds of each method."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.seed_groups import SeedGroup

_MEASURED = (
    *("error", "top5_error", "confidence", "nll", "brier", "flip", "top5_distance"),
    *("n_right", "n_top5_right", "n_clean_right"),
    *("median_passes", "total_passes"),
)
_CONDITION = ["checkpoint_id", "condition", "eps"]


def by_method(unit: Unit, groups: Sequence[SeedGroup]) -> Unit:
    """Average the measurements of a set over training seeds.

    A condition that one of a method's checkpoints lacks is missing for the method: no mean is taken over what happens
    to exist.

    Args:
        unit: Measurements by checkpoint.
        groups: As ``seed_groups`` returns them.

    Returns:
        A set in which each method has the place of one checkpoint, under the id of its first one. Its ``checkpoints``
        have the method as ``label``, no seed, and a column ``seeds``, how many there are.
    """
    first_of = {identifier: group.checkpoint_ids[0] for group in groups for identifier in group.checkpoint_ids}
    sizes = {group.checkpoint_ids[0]: len(group.checkpoint_ids) for group in groups}
    names = [group.name for group in groups]
    checkpoints = unit.checkpoints.loc[list(sizes)].assign(label=names, checkpoint=names, seed=None)
    return replace(
        unit,
        scope=replace(unit.scope, checkpoint_level_only=False),
        checkpoints=checkpoints.assign(seeds=list(sizes.values())),
        rows=_averaged(unit.rows, first_of, sizes),
        attacks=_averaged(unit.attacks, first_of, sizes),
        windows=_averaged(unit.windows, first_of, sizes),
        sequences=_averaged(unit.sequences, first_of, sizes),
        subject="method",
    )


def _averaged(rows: pd.DataFrame, first_of: dict[str, str], sizes: dict[str, int]) -> pd.DataFrame:
    together = rows.assign(checkpoint_id=rows["checkpoint_id"].map(first_of))
    grouped = together.groupby(_CONDITION, dropna=False, sort=False)
    means = {name: grouped[name].transform("mean") for name in _MEASURED}
    is_whole = grouped["key"].transform("size") == together["checkpoint_id"].map(sizes)
    return together.assign(**means)[is_whole & ~together.duplicated(_CONDITION)]
