"""Methods are shown as papers write them."""

from robustsweep.augmentations import METHODS
from robustsweep.results.method_names import GROUPS, in_groups, written_name
from robustsweep.results.tables.table import Column


def test_every_method_of_a_paper_has_a_name():
    unwritten = {code for code in METHODS if written_name(code) == code}
    assert unwritten == {"baseline", "chain", "choice", "noise"}


def test_every_method_but_the_baseline_has_a_group():
    groups = in_groups([*METHODS, "my_method"])
    assert groups[0] == ("", ["baseline", "my_method"])
    assert [group for group, _ in groups[1:]] == list(GROUPS)
    assert sorted(code for _, codes in groups for code in codes) == sorted([*METHODS, "my_method"])


def test_codes_stay_in_columns_of_other_texts():
    assert Column("method", "method", "method").shown("smoothmix_c") == "SmoothMix-C"
    assert Column("checkpoint", "checkpoint").shown("smoothmix_c") == "smoothmix_c"
    assert Column("method", "method", "method").shown("my_method") == "my_method"
