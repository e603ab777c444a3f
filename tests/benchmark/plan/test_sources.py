import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_sweeps import CLASSES, conditions, official_set, tiny_data, tiny_images

from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.benchmark.plan import source as sources
from robustsweep.benchmark.plan.conditions import Clean, Condition, Corrupted
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import SUITES, suite_conditions
from robustsweep.corruptions import CORRUPTIONS, corrupt_batch, jpeg_round_trip
from robustsweep.errors import DataError, UsageError
from robustsweep.results.stored.cells import identity_key


def counts(source: Source) -> list[int]:
    return np.bincount(source.labels, minlength=CLASSES).tolist()


def uneven_data(seed: int = 0) -> Dataset:
    """Five classes of 3, 10, 17, 30 and 40 images, in mixed order, with ids of either sign."""
    numbers = np.random.default_rng(seed)
    labels = numbers.permutation(np.repeat(np.arange(5), [3, 10, 17, 30, 40]))
    data = from_array("uneven", "test", np.zeros((100, 3, 8, 8), np.uint8), labels, CLASSES)
    return replace(data, ids=numbers.integers(-(2**63), 2**63 - 1, 100))


@pytest.mark.parametrize("limit", [1, 4, 5, 13, 15, 40, 77, 99])
def test_a_limited_choice_takes_equally_many_of_each_class_as_far_as_there_are_any(limit: int) -> None:
    data = uneven_data()
    source = Source.choose(data, limit=limit, seed=0)
    assert sum(counts(source)) == limit == len(np.unique(source.positions))
    assert (np.diff(source.positions) > 0).all() or limit == 1
    # Classes that still have images are at most one apart, and none with fewer is at a smaller number unless used up.
    open_classes = [n for n, size in zip(counts(source), [3, 10, 17, 30, 40], strict=True) if n < size]
    assert max(open_classes) - min(open_classes) <= 1
    assert max(counts(source)) - min(open_classes) <= 1


def test_smaller_choices_are_part_of_larger_ones() -> None:
    data = uneven_data()
    chosen = [set(Source.choose(data, limit=n, seed=3).ids.tolist()) for n in (10, 11, 20, 50, 99)]
    assert all(small < large for small, large in zip(chosen, chosen[1:], strict=False))


def test_the_choice_belongs_to_the_images_and_not_to_the_order_of_rows() -> None:
    data = uneven_data()
    order = np.random.default_rng(1).permutation(100)
    shuffled = replace(data, labels=data.labels[order], ids=data.ids[order])
    for limit in (7, 40):
        left, right = (Source.choose(each, limit=limit, seed=0) for each in (data, shuffled))
        assert set(left.ids.tolist()) == set(right.ids.tolist())


def test_another_seed_chooses_other_images() -> None:
    chosen = [set(Source.choose(uneven_data(), limit=40, seed=seed).ids.tolist()) for seed in (0, 1)]
    assert chosen[0] != chosen[1]


@pytest.mark.parametrize("limit", [None, 60, 61])
def test_a_limit_that_leaves_nothing_out_is_no_subset(limit: int | None) -> None:
    source = Source.choose(tiny_data(60), limit=limit, seed=5)
    assert source.positions.tolist() == list(range(60))
    assert source.describe()["subset"] is None
    assert source.images_key == Source.choose(tiny_data(60), limit=None, seed=0).images_key


@pytest.mark.parametrize("limit", [0, -3])
def test_a_choice_of_nothing_is_refused(limit: int) -> None:
    with pytest.raises(UsageError, match=f"limit must be 1 or more, got {limit}"):
        Source.choose(tiny_data(6), limit=limit, seed=0)


def test_the_images_key_tells_contents_preprocessing_and_choice_apart() -> None:
    data = tiny_data()
    shifted = replace(data, ids=data.ids + 1)
    relabelled = from_array("tiles", "test", tiny_images(60), (data.labels + 1) % CLASSES, CLASSES)
    found = [
        Source.choose(data, limit=None, seed=0),
        Source.choose(tiny_data(seed=1), limit=None, seed=0),
        Source.choose(replace(data, preprocessing="centre crop 28"), limit=None, seed=0),
        Source.choose(data, limit=20, seed=0),
        Source.choose(data, limit=20, seed=1),
        Source.choose(shifted, limit=None, seed=0),
        Source.choose(relabelled, limit=None, seed=0),
        Source.choose(official_set(data, clean=False), limit=None, seed=0),
    ]
    assert len({source.images_key for source in found}) == len(found)


def test_clean_images_given_later_change_no_key_of_an_official_corruption() -> None:
    data = tiny_data()
    found = [
        Source.choose(official_set(data, clean=False), limit=None, seed=0),
        Source.choose(official_set(data, clean=True), limit=None, seed=0),
        Source.choose(official_set(replace(data, preprocessing="crop"), clean=True), limit=None, seed=0),
    ]
    fog, clean = Corrupted("fog", 3), Clean()
    assert len({identity_key(source.identity(fog)) for source in found}) == 1
    assert len({identity_key(source.identity(clean)) for source in found}) == 3


def test_the_images_key_is_that_of_the_images_and_not_of_a_name_or_a_seed_without_effect() -> None:
    data = tiny_data()
    assert (
        Source.choose(data, limit=None, seed=0).images_key
        == Source.choose(replace(data, name="other", notes=("a note",)), limit=None, seed=9).images_key
    )


def test_the_severity_table_is_chosen_by_the_size_of_the_images() -> None:
    fog = Corrupted("fog", 3)
    for side, table in [(32, "cifar"), (64, "tiny"), (224, "imagenet")]:
        data = from_array("blank", "test", np.zeros((1, 3, side, side), np.uint8), np.zeros(1, np.int64), CLASSES)
        assert Source.choose(data, limit=None, seed=0).concrete(fog) == replace(fog, table=table)


def test_a_table_that_was_asked_for_stays_and_official_images_have_none() -> None:
    asked = Corrupted("fog", 3, "imagenet", 85)
    assert Source.choose(tiny_data(6), limit=None, seed=0).concrete(asked) == asked
    official = Source.choose(official_set(tiny_data(6), clean=False), limit=None, seed=0)
    assert official.concrete(asked) == Corrupted("fog", 3)
    with pytest.raises(DataError, match="snow is missing"):
        official.concrete(Corrupted("snow", 1))


@pytest.mark.parametrize(
    "condition", conditions("clean", "fog@1", "fgsm-linf@1/255", "window-hard-mean@0.5"), ids=lambda c: c.name
)
def test_only_corruptions_can_do_without_clean_images(condition: Condition) -> None:
    data = tiny_data(6)
    with_clean, without = (Source.choose(official_set(data, clean=c), limit=None, seed=0) for c in (True, False))
    assert Source.choose(data, limit=None, seed=0).supports(condition)
    assert with_clean.supports(condition)
    assert without.supports(condition) == isinstance(condition, Corrupted)


def test_images_are_read_from_where_they_are() -> None:
    data = tiny_data(12)
    positions = np.array([1, 5, 11])
    official = Source.choose(official_set(data, clean=True), limit=None, seed=0)
    assert torch.equal(official.read_clean(positions), data.images(positions))
    assert torch.equal(official.read_corrupted(Corrupted("fog", 4), positions), data.images(positions) // 5)
    with pytest.raises(DataError, match=r"without clean images; add clean=SPEC"):
        Source.choose(official_set(data, clean=False), limit=None, seed=0).read_clean(positions)
    with pytest.raises(DataError, match="its corruptions are generated"):
        Source.choose(data, limit=None, seed=0).read_corrupted(Corrupted("fog", 4), positions)


def test_generated_images_are_the_corruption_with_the_sources_seed_then_the_round_trip() -> None:
    data = tiny_data(6)
    ids = torch.from_numpy(data.ids)
    images = data.images(data.ids)
    source = Source.choose(data, limit=None, seed=7)
    plain = corrupt_batch(images, "gaussian_noise", 2, table="tiny", seed=7, ids=ids)
    assert torch.equal(source.generate(Corrupted("gaussian_noise", 2, "tiny"), images, ids), plain)
    found = source.generate(Corrupted("gaussian_noise", 2, "tiny", 85), images, ids)
    assert torch.equal(found, jpeg_round_trip(plain, 85))
    assert not torch.equal(found, plain)


def libraries(*names: str, jpeg_quality: int | None = None) -> dict[str, object]:
    source = Source.choose(tiny_data(6), limit=None, seed=0)
    return {
        name: source.identity(Corrupted(name, 1, "cifar", jpeg_quality))["condition"]["libraries"] for name in names
    }


def test_the_identity_names_the_libraries_that_can_change_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "codec", lambda: "a codec")
    monkeypatch.setitem(sys.modules, "cv2", None)
    found = libraries("fog", "jpeg_compression", "frost", "spatter", "gaussian_blur", "glass_blur")
    assert found == {
        "fog": {},
        "jpeg_compression": {},
        "frost": {"jpeg": "a codec"},
        **dict.fromkeys(("spatter", "gaussian_blur", "glass_blur"), {"opencv": None}),
    }


def test_a_corruption_of_another_package_declares_its_libraries_and_grows_no_published_suite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {name: suite_conditions(name) for name in SUITES}
    monkeypatch.setattr(CORRUPTIONS, "_items", {name: CORRUPTIONS[name] for name in CORRUPTIONS})
    shown = ("numpy", "opencv", "no-such-distribution")
    CORRUPTIONS.add("smear", replace(CORRUPTIONS["fog"], name="smear", libraries=shown))
    versions = {"numpy": np.__version__, "no-such-distribution": None}
    found = libraries("smear")["smear"]
    assert isinstance(found, dict)
    assert found.keys() == {*shown}
    assert found.items() >= versions.items()
    assert {name: suite_conditions(name) for name in SUITES} == before


def test_the_identity_says_what_decides_the_images_and_nothing_else() -> None:
    data = tiny_data(6)
    generated = [Source.choose(data, limit=None, seed=seed) for seed in (0, 1)]
    official = [Source.choose(official_set(data, clean=True), limit=None, seed=seed) for seed in (0, 1)]
    fog, fgsm = conditions("fog@1", "fgsm-linf@1/255")
    clean = Clean()
    assert generated[0].identity(clean) == generated[1].identity(clean)
    assert generated[0].identity(fog) != generated[1].identity(fog)
    assert generated[0].identity(fgsm) != generated[1].identity(fgsm)
    assert official[0].identity(fog) == official[1].identity(fog)
    assert official[0].identity(fog)["provenance"] == "official"
    assert generated[0].identity(fog)["provenance"] == "generated"


def test_the_description_says_subset_provenance_and_notes() -> None:
    data = replace(tiny_data(), notes=("tiles are not photos.",))
    shown = Source.choose(data, limit=20, seed=4).describe()
    assert shown["subset"] == {"limit": 20, "of": 60, "seed": 4}
    assert (shown["name"], shown["split"], shown["n_total"], shown["classes"]) == ("tiles", "test", 60, CLASSES)
    assert (shown["provenance"], shown["notes"]) == ("generated", ["tiles are not photos."])
    official = replace(official_set(data, clean=True), notes=("official.",))
    shown = Source.choose(official, limit=None, seed=0).describe()
    assert (shown["provenance"], shown["notes"]) == ("official", ["official.", "tiles are not photos."])
