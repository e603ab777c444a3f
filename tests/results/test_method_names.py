"""Methods are shown as papers write them."""

from robustsweep.augmentations import METHODS
from robustsweep.results.method_names import GROUPS, group_of_method, written_name
from robustsweep.results.tables.table import Column


def test_every_method_of_a_paper_has_a_name():
    unwritten = {code for code in METHODS if written_name(code) == code}
    assert unwritten == {"baseline", "chain", "choice", "noise"}


def test_every_method_but_the_baseline_has_a_group():
    assert {code for code in METHODS if group_of_method(code) not in GROUPS} == {"baseline"}
    assert group_of_method("my_method") == ""


def test_codes_stay_in_columns_of_other_texts():
    assert Column("method", "method", "method").shown("smoothmix_c") == "SmoothMix-C"
    assert Column("checkpoint", "checkpoint").shown("smoothmix_c") == "smoothmix_c"
    assert Column("method", "method", "method").shown("my_method") == "my_method"
