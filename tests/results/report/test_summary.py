from collections.abc import Sequence
from dataclasses import replace

import pytest

from robustsweep.results.comparable.scope import Scope
from robustsweep.results.report.summary import summary_of
from robustsweep.results.tables.table import Column, Line, Table, matrix

SCOPE = Scope("shapes", "f" * 64, "generated", 100, None, "cifar", None, 0, False)
EMPTY = Table("robust_accuracy", "accuracy", SCOPE, (), ())


def attacked(labels: Sequence[str], *lines: Line) -> Table:
    return matrix(EMPTY, ("attack", "eps"), labels, lines, higher_is_better=True)


def test_the_headline_is_said_in_a_sentence_per_error() -> None:
    columns = (Column("checkpoint", "checkpoint"), Column("clean_error", "clean", "percent", False))
    table = Table("headline", "error", SCOPE, columns, (("a", 0.2), ("b", 0.1), ("c", 0.15)), tied=frozenset({(2, 1)}))
    assert list(summary_of([table])) == [
        "Lowest clean error: b, 10.00 %. Not told apart from it: c. Highest: a, 20.00 %."
    ]
    missing = replace(table, rows=(("a", 0.2), ("b", None), ("c", 0.15)))
    assert not list(summary_of([missing]))


@pytest.mark.parametrize("n_more", [0, 6])
def test_the_largest_eps_of_the_last_attack_is_said_whatever_way_the_table_lies(n_more: int) -> None:
    labels = ["a", "b", *(f"more{number}" for number in range(n_more))]
    more = (0.2,) * n_more
    table = attacked(labels, Line("fgsm", "8/255", (0.9, 0.1, *more)), Line("pgd10", "8/255", (0.1, 0.3, *more)))
    at = "pgd10 8/255" if n_more else "pgd10 at 8/255"
    assert list(summary_of([table])) == [f"Highest accuracy under {at}: b, 30.00 %. Lowest: a, 10.00 %."]


def test_where_an_audit_warns_its_warning_stands_for_the_sentence() -> None:
    warning = "Warning: flagged by the audits: a (steps). Their robustness may be overstated."
    table = replace(attacked(["a", "b"], Line("pgd10", "8/255", (0.1, 0.3))), best_along=None, notes=("x", warning))
    assert list(summary_of([table])) == [warning]


def test_a_scope_is_explained_in_sentences() -> None:
    assert SCOPE.explained == (
        "Every checkpoint classified the same 100 images of shapes; corruptions are computed here from the clean "
        "images, with the cifar severities."
    )
    official = replace(SCOPE, provenance="official", subset="100 of 1000", checkpoint_level_only=True).explained
    assert "(a subset, 100 of 1000), the published corrupted files. Some method was trained only once" in official
