from robustsweep.corruptions import CIFAR_C_BAR, COMMON, EXTRA, IMAGENET_C_BAR, edges, windows
from robustsweep.corruptions import CORRUPTIONS as REGISTRY
from robustsweep.corruptions import SEVERITIES as GENERATED_SEVERITIES
from robustsweep.results import corruption_names
from robustsweep.results.corruption_names import CORRUPTIONS, EXTRA_CORRUPTIONS, SEVERITIES, is_extra


def test_tables_and_generators_agree_on_names_order_groups_extras_and_severities() -> None:
    assert tuple(REGISTRY)[:19] == CORRUPTIONS + EXTRA_CORRUPTIONS
    for name in CORRUPTIONS + EXTRA_CORRUPTIONS:
        assert (name in EXTRA) == is_extra(name) != (name in COMMON)
    assert tuple(GENERATED_SEVERITIES) == SEVERITIES


def test_tables_and_generators_agree_on_c_bar() -> None:
    sets = corruption_names.C_BAR_SETS
    assert {owner: sorted(names) for owner, names in sets.items()} == {
        "CIFAR": sorted(CIFAR_C_BAR),
        "ImageNet": sorted(IMAGENET_C_BAR),
    }
    assert sorted(corruption_names.C_BAR_CORRUPTIONS) == sorted({*CIFAR_C_BAR, *IMAGENET_C_BAR})
    assert tuple(REGISTRY)[19:34] == tuple(dict.fromkeys(CIFAR_C_BAR + IMAGENET_C_BAR))
    assert all(is_extra(name) for name in corruption_names.C_BAR_CORRUPTIONS)


def test_tables_and_patches_agree_on_edges_fillings_and_fractions() -> None:
    assert corruption_names.EDGES == edges.EDGES
    assert corruption_names.FILLINGS == windows.FILLINGS
    assert corruption_names.FRACTIONS == windows.FRACTIONS
