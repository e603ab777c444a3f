from robustsweep.results.corruption_names import (
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    conditions_of,
    group_of,
    is_extra,
    rank_of,
)


def test_there_are_fifteen_corruptions_and_four_extras_in_canonical_order() -> None:
    assert " ".join(CORRUPTIONS) == (
        "gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur "
        "snow frost fog brightness contrast elastic_transform pixelate jpeg_compression"
    )
    assert EXTRA_CORRUPTIONS == ("speckle_noise", "gaussian_blur", "spatter", "saturate")


def test_every_name_has_a_group_and_only_extras_stay_out_of_means() -> None:
    assert [group_of(name) for name in EXTRA_CORRUPTIONS] == ["noise", "blur", "weather", "digital"]
    assert not any(is_extra(name) for name in CORRUPTIONS)
    assert all(is_extra(name) for name in (*EXTRA_CORRUPTIONS, "coffee_stain"))
    assert group_of("coffee_stain") == "other"


def test_conditions_and_ranks_follow_the_canonical_order() -> None:
    assert conditions_of("fog", "snow")[3:7] == ("fog@4", "fog@5", "snow@1", "snow@2")
    shuffled = ["coffee_stain", "saturate", "fog", "gaussian_noise"]
    assert sorted(shuffled, key=rank_of) == ["gaussian_noise", "fog", "saturate", "coffee_stain"]
