from robustsweep.corruptions import CORRUPTIONS as REGISTRY
from robustsweep.corruptions import SEVERITIES as GENERATED_SEVERITIES
from robustsweep.results.taxonomy import CORRUPTIONS, EXTRA_CORRUPTIONS, SEVERITIES, group_of, is_extra


def test_tables_and_generators_agree_on_names_order_groups_extras_and_severities() -> None:
    assert tuple(REGISTRY)[:19] == CORRUPTIONS + EXTRA_CORRUPTIONS
    for name in CORRUPTIONS + EXTRA_CORRUPTIONS:
        assert REGISTRY[name].group == group_of(name)
        assert REGISTRY[name].extra == is_extra(name)
    assert tuple(GENERATED_SEVERITIES) == SEVERITIES
