"""Tables of accuracy under attack, one comparable set each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from robustsweep.results.comparable.comparable_sets import Unit
from robustsweep.results.comparable.notes import Note
from robustsweep.results.metrics.catalogue.error_scores import CLEAN, accuracy_of, attack_score
from robustsweep.results.metrics.robustness import median_fooling_eps, robust_accuracy
from robustsweep.results.metrics.scores import Score
from robustsweep.results.tables.audit_tables import Flags
from robustsweep.results.tables.table import Column, Line, Table, Value, matrix

Row = Mapping[Any, Any]

# How the names of conditions end that follow torchattacks' protocol.
_TORCHATTACKS = ":protocol=torchattacks"
MINIMUM_NORM = ("fmn", "ddn", "nearest-pgd")
"""Attacks without a budget that look for the nearest image that fools."""


FINDINGS = {
    "black-box": "random search fools what gradients do not",
    "gradient-sanity": "gradients that finite differences contradict",
    "large-eps": "images that no change fools",
    "pgd-against-fgsm": "one step fools more than ten",
    "pgd-against-noise": "noise fools what PGD does not",
    "plausible": "implausibly robust",
    "saturated-loss": "a saturated loss",
    "steps": "twice the steps fool more images",
    "transfer": "another checkpoint's images fool more",
    "zero-gradient": "gradients of zero",
}
"""What a check that warns has found, by its name."""


def attack_tables(unit: Unit, flags: Flags) -> list[Table]:
    """Build the robust accuracies and, if several eps were climbed, the median smallest fooling eps.

    If an audit warns about one of the checkpoints (``flags``), both say so and the best is not marked.
    """
    if unit.attacks.empty:
        return []
    names = unit.attacks[["condition", "single_step"]].to_dict("records")
    attacks = unit.attacks.assign(family=[_family(row) for row in names])
    caution = _caution(unit, flags)
    tables = [_with(robust_accuracies(unit, attacks), caution), *attack_passes(unit, attacks)]
    ladders = attacks[attacks.groupby(["checkpoint_id", "key"])["eps"].transform("size") > 1]
    if ladders.empty or unit.subject == "method":  # a median of means over seeds would be no image's
        return tables
    return [*tables, _with(median_fooling(unit, ladders), caution)]


def _caution(unit: Unit, flags: Flags) -> tuple[str, ...]:
    by_finding: dict[tuple[str, ...], list[str]] = {}
    for identifier, label in unit.checkpoints["label"].items():
        if str(identifier) in flags:
            by_finding.setdefault(tuple(flags[str(identifier)]), []).append(str(label))
    if not by_finding:
        return ()
    told = []
    for names, labels in by_finding.items():
        who = f"all {len(labels)} {unit.subject}s" if 1 < len(labels) == len(unit.checkpoints) else ", ".join(labels)
        told.append(f"{who} ({', '.join(FINDINGS.get(name, name) for name in names)})")
    text = (
        f"Warning: flagged by the audits: {'; '.join(told)}. Their robustness may be overstated, so the best is not "
        "marked."
    )
    return (Note(text, "audits"),)


def _with(table: Table, caution: tuple[str, ...]) -> Table:
    return replace(table, notes=(*caution, *table.notes), best_along=None) if caution else table


def _family(row: Row) -> str:
    # Single-step attacks differ by eps alone; an iterative attack at one eps stays apart from the ladder of its name.
    name = str(row["condition"])
    return re.sub(r"@[^:]*", "", name) if _holds(row["single_step"]) else name


def _holds(flag: Any) -> bool:
    return bool(pd.notna(flag) and flag)


def robust_accuracies(unit: Unit, attacks: pd.DataFrame) -> Table:
    """Robust accuracy at each measured eps, below the clean accuracy."""
    clean = unit.rows[unit.rows["kind"] == "clean"]
    lines = [_line(unit, "none", "clean images", clean, CLEAN)] if len(clean) else []
    notes = []
    for family in attacks.sort_values("single_step", ascending=False, kind="stable")["family"].unique():
        rows = attacks[attacks["family"] == family].sort_values("eps_value", kind="stable")
        for eps, same in rows.groupby("eps", sort=False):
            score = attack_score(str(same["condition"].iloc[0]), str(eps))
            lines.append(_line(unit, family, str(eps), same, score))
        notes += [_description(family, rows.to_dict("records")[0]), *_rises(unit, family, rows)]
    if not all(family.endswith(_TORCHATTACKS) for family in attacks["family"]):
        notes.append("Robust accuracy counts images that were wrong before the attack as not robust.")
    title = "Accuracy under attack (%, higher is better)"
    return matrix(unit, "robust_accuracy", title, ("attack", "eps"), lines, notes, higher_is_better=True)


def attack_passes(unit: Unit, attacks: pd.DataFrame) -> list[Table]:
    """Build what attacks cost, median and total passes, as far as that was counted."""
    counted = attacks[attacks["total_passes"].notna()].drop_duplicates(["checkpoint_id", "key"])
    if counted.empty:
        return []
    labels = unit.checkpoints["label"]
    columns = [Column("attack", "attack"), Column("checkpoint", unit.subject)]
    columns += [Column("median", "median per image", "count"), Column("total", "total", "count")]
    rows = [
        (
            str(row["condition"]),
            str(labels[row["checkpoint_id"]]),
            *map(round, (row["median_passes"], row["total_passes"])),
        )
        for row in counted.fillna({"median_passes": 0}).to_dict("records")
    ]
    note = (
        "Forward and backward passes over the images that were right before the attack, all eps and restarts of a "
        "condition together; an image that is fooled early costs less."
    )
    return [
        Table(
            "attack_passes",
            "What attacks cost: passes of the network",
            unit.scope,
            tuple(columns),
            tuple(rows),
            (note,),
            keys=2,
            depth="detail",
        )
    ]


def _line(unit: Unit, group: str, name: str, rows: pd.DataFrame, error: Score) -> Line:
    right = rows.set_index("checkpoint_id")["n_right"].reindex(unit.checkpoints.index)
    values = (None if pd.isna(n_right) else robust_accuracy(float(n_right), unit.scope.n) for n_right in right)
    return Line(group, name, tuple(values), accuracy_of(error))


def _description(family: str, row: Row) -> str:
    norm = {"linf": "L-infinity", "l2": "L2"}.get(str(row["norm"]), str(row["norm"]))
    is_torchattacks = family.endswith(_TORCHATTACKS)
    last = "; the last iterate counts, also of images that were wrong before the attack" if is_torchattacks else ""
    if _holds(row["single_step"]):
        return f"{family}: {norm}, a single step of size eps{last}."
    if pd.isna(row["steps"]):
        limit = "no budget: any image counts, and only its distance says how far it went" if norm == "none" else norm
        return f"{family}: {limit}, run by its own library with its own settings; the image that it returns counts."
    start = "random start" if _holds(row["random_start"]) else "clean start"
    size = f"{row['steps']} steps of {row['step_ratio']} eps"
    if str(row["attack"]) in MINIMUM_NORM:
        return f"{family}: {norm}, {row['steps']} steps towards the nearest image that fools, whose distance counts."
    if str(row["attack"]).startswith("apgd"):
        size = f"{row['steps']} steps, at first of {row['step_ratio']} eps and halved when they stop paying"
    return f"{family}: {norm}, {size}, {row['restarts']} restart(s), {start}{last or '; the worst iterate counts'}."


def _rises(unit: Unit, family: str, rows: pd.DataFrame) -> Iterator[str]:
    by_checkpoint = {identifier: list(counts) for identifier, counts in rows.groupby("checkpoint_id")["n_right"]}
    for identifier, label in unit.checkpoints["label"].items():
        counts = by_checkpoint.get(str(identifier), [])
        if any(later > earlier for earlier, later in zip(counts, counts[1:], strict=False)):
            yield Note(
                f"Warning: under {family} the accuracy of {label} rises with eps. A single step overshoots there; "
                "judge by an iterative attack.",
                "overshoot",
            )


def median_fooling(unit: Unit, ladders: pd.DataFrame) -> Table:
    """The smallest eps that fools at least half of all images, per ladder and checkpoint."""
    families = list(ladders["family"].unique())
    columns = [Column("checkpoint", "checkpoint"), *(Column(family, family) for family in families)]
    rows: list[tuple[Value, ...]] = []
    used = ladders[["checkpoint_id", "family", "eps", "eps_value", "n_right", "n_clean_right"]]
    found = {key: _median(same, unit.scope.n) for key, same in used.groupby(["checkpoint_id", "family"])}
    for identifier, label in unit.checkpoints["label"].items():
        rows.append((label, *(found.get((identifier, family)) for family in families)))
    return Table(
        "median_fooling_eps",
        "Median smallest fooling eps (higher is better)",
        unit.scope,
        tuple(columns),
        tuple(rows),
        (
            "The smallest measured eps that fools at least half of the images; images that are wrong without attack "
            "count as eps 0, and '>' says that more than half withstand the largest eps.",
        ),
    )


def _median(rows: pd.DataFrame, n: int) -> str:
    rows = rows.sort_values("eps_value")
    return median_fooling_eps(
        n, int(rows["n_clean_right"].iloc[0]), [int(k) for k in rows["n_right"]], list(rows["eps"])
    )
