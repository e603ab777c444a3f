from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Literal

import pandas as pd
import pytest

from robustsweep.results.comparable.notes import Note
from robustsweep.results.comparable.scope import Scope
from robustsweep.results.corruption_names import GROUPS
from robustsweep.results.report.summary import summary_of
from robustsweep.results.tables.table import Column, Line, Table, matrix

SCOPE = Scope("shapes", "f" * 64, "generated", 100, None, "cifar", None, 0, False)


def attacked(labels: Sequence[str], *lines: Line) -> Table:
    checkpoints = pd.DataFrame({"label": labels})
    unit = SimpleNamespace(scope=SCOPE, subject="checkpoint", checkpoints=checkpoints)
    return matrix(unit, "robust_accuracy", "accuracy", ("attack", "eps"), lines, higher_is_better=True)


def headline(subject: Literal["checkpoint", "method"], **changes: Any) -> Table:
    columns = (Column(subject, subject), Column("clean_error", "clean", "percent", False))
    rows = (("a", 0.2), ("b", 0.1), ("c", 0.15), ("d", 0.12))
    return replace(Table("headline", "error", SCOPE, columns, rows, subject=subject), **changes)


def test_the_headline_is_said_in_a_sentence_per_error() -> None:
    table = headline("checkpoint", tied=frozenset({(2, 1), (3, 1)}), intervals={(1, 1): (0.08, 0.12)})
    assert list(summary_of([table], {})) == [
        "Lowest clean error: b, 10.00% [8.00, 12.00]. No significant difference from it: c, d. Highest: a, 20.00%."
    ]
    missing = replace(table, rows=(("a", 0.2), ("b", None), ("c", 0.15), ("d", 0.12)))
    assert not list(summary_of([missing], {}))


def test_methods_that_could_not_be_tested_are_not_called_the_same() -> None:
    table = headline("method", tied=frozenset({(2, 1), (3, 1)}))
    (sentence,) = summary_of([table], {"a": 3, "b": 5, "c": 3, "d": 2})
    assert sentence == (
        "Lowest clean error: b, 10.00%. No significant difference from it: c. Not tested, for want of 3 seeds on both "
        "sides: d. Highest: a, 20.00%."
    )
    (sentence,) = summary_of([table], {"a": 3, "b": 2, "c": 3, "d": 3})
    assert "Not tested, for want of 3 seeds on both sides: c, d." in sentence
    assert "No significant difference" not in sentence


def test_of_methods_with_one_seed_each_none_was_tested() -> None:
    table = headline("method", tied=frozenset({(0, 1), (2, 1), (3, 1)}))
    (sentence,) = summary_of([table], dict.fromkeys("abcd", 1))
    assert sentence == (
        "Lowest clean error: b, 10.00%. Not tested, for want of 3 seeds on both sides: all others. Highest: a, 20.00%."
    )


def test_equal_best_methods_are_named_together_and_methods_as_papers_write_them() -> None:
    columns = (Column("method", "method", "method"), Column("clean_error", "clean", "percent", False))
    rows = (("cutmix", 0.1), ("smoothmix_c", 0.1), ("mixup", 0.2))
    table = Table("headline", "error", SCOPE, columns, rows, subject="method")
    (sentence,) = summary_of([table], dict.fromkeys(("CutMix", "SmoothMix-C", "Mixup"), 3))
    assert sentence == "Lowest clean error: CutMix, SmoothMix-C, 10.00%. Highest: Mixup, 20.00%."


def test_the_groups_of_corruptions_are_said_in_one_sentence() -> None:
    columns = [Column("method", "method"), *(Column(f"{group}_error", group, "percent", False) for group in GROUPS)]
    rows = (("a", 0.1, 0.2, 0.3, 0.4), ("b", 0.2, 0.1, 0.2, None))
    table = Table("headline", "error", SCOPE, tuple(columns), rows, tied=frozenset({(1, 1)}))
    assert list(summary_of([table], {})) == [
        "Lowest error by group of corruptions of C: noise a, 10.00% (≈ b); blur b, 10.00%; weather b, 20.00%."
    ]


@pytest.mark.parametrize("n_more", [0, 6])
def test_the_largest_eps_of_the_last_attack_is_said_whatever_way_the_table_lies(n_more: int) -> None:
    labels = ["a", "b", *(f"more{number}" for number in range(n_more))]
    more = (0.2,) * n_more
    table = attacked(labels, Line("fgsm", "8/255", (0.9, 0.1, *more)), Line("pgd10", "8/255", (0.1, 0.3, *more)))
    at = "pgd10 8/255" if n_more else "pgd10 at 8/255"
    assert list(summary_of([table], {})) == [f"Highest accuracy under {at}: b, 30.00%. Lowest: a, 10.00%."]


def test_where_an_audit_warns_its_warning_stands_for_the_sentence() -> None:
    warning = Note("Warning: flagged by the audits: a (steps). Their robustness may be overstated.", "audits")
    table = replace(attacked(["a", "b"], Line("pgd10", "8/255", (0.1, 0.3))), best_along=None, notes=("x", warning))
    assert list(summary_of([table], {})) == [warning]


def test_a_scope_is_explained_in_sentences() -> None:
    assert SCOPE.explained == (
        "Every checkpoint classified the same 100 images of shapes; corruptions are computed here from the clean "
        "images, with the cifar severities."
    )
    official = replace(SCOPE, provenance="official", subset="100 of 1000", checkpoint_level_only=True).explained
    assert "(a subset, 100 of 1000), the published corrupted files. A method was trained only once" in official
