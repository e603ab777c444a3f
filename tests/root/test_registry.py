from collections.abc import Callable
from dataclasses import dataclass

import pytest

from robustsweep import registry
from robustsweep.errors import UsageError
from robustsweep.registry import Registry, unknown_name


@dataclass
class Point:
    """Stands for an entry point of an installed package."""

    name: str
    load: Callable[[], object]
    value: str = "third_party.module:item"


@pytest.fixture
def fruits() -> Registry[int]:
    fruits: Registry[int] = Registry("fruit")
    for number, name in enumerate(["pear", "apple", "fig"]):
        fruits.add(name, number)
    return fruits


def install(monkeypatch: pytest.MonkeyPatch, *points: Point) -> list[str]:
    """Pretend that packages with these entry points are installed; return the groups that are asked for."""
    asked: list[str] = []

    def entry_points(group: str) -> tuple[Point, ...]:
        asked.append(group)
        return points

    monkeypatch.setattr(registry, "entry_points", entry_points)
    return asked


def test_items_come_back_by_name_and_in_the_order_of_registration(fruits: Registry[int]) -> None:
    assert [fruits["pear"], fruits["apple"], fruits["fig"]] == [0, 1, 2]
    assert list(fruits) == ["pear", "apple", "fig"]
    assert len(fruits) == 3
    assert "fig" in fruits
    assert "plum" not in fruits


def test_a_taken_name_is_refused_and_keeps_its_item(fruits: Registry[int]) -> None:
    with pytest.raises(ValueError, match="fruit 'pear' is registered already"):
        fruits.add("pear", 9)
    with pytest.raises(ValueError, match="fruit 'fig' is registered already"):
        fruits.register("fig")(9)
    assert (fruits["pear"], fruits["fig"]) == (0, 2)


def test_the_decorator_registers_and_returns_what_it_decorates() -> None:
    rules: Registry[Callable[[], int]] = Registry("rule")

    @rules.register("one")
    def one() -> int:
        return 1

    assert rules["one"] is one
    assert one() == 1


def test_an_unknown_name_is_refused_with_the_nearest_one(fruits: Registry[int]) -> None:
    with pytest.raises(UsageError, match=r"Unknown fruit 'aple'; did you mean 'apple'\? Known: pear, apple, fig\."):
        fruits["aple"]


def test_an_unknown_name_like_no_other_is_refused_without_a_guess() -> None:
    message = str(unknown_name("fruit", "xyz", ["pear", "apple"]))
    assert message == "Unknown fruit 'xyz'. Known: pear, apple."


def test_third_party_items_are_loaded_once_at_the_first_lookup(
    fruits: Registry[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []

    def load() -> int:
        loads.append("kiwi")
        return 77

    asked = install(monkeypatch, Point("kiwi", load))
    fruits.add("plum", 3)
    assert asked == []
    assert fruits["kiwi"] == 77
    assert list(fruits)[-1] == "kiwi"
    assert len(fruits) == 5
    assert (asked, loads) == (["robustsweep.fruits"], ["kiwi"])


@pytest.mark.parametrize("look_up", [len, list, lambda fruits: "kiwi" in fruits], ids=["len", "iter", "contains"])
def test_every_way_of_looking_up_sees_third_party_items(
    fruits: Registry[int], monkeypatch: pytest.MonkeyPatch, look_up: Callable[[Registry[int]], object]
) -> None:
    asked = install(monkeypatch, Point("kiwi", lambda: 77))
    assert look_up(fruits)
    assert asked == ["robustsweep.fruits"]
    assert "kiwi" in fruits


def test_a_third_party_item_may_look_up_others_while_it_is_loaded(
    fruits: Registry[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Point("kiwi", lambda: fruits["fig"] + 40))
    assert fruits["kiwi"] == 42


def _missing() -> int:
    raise ModuleNotFoundError("No module named 'gone'")


@pytest.mark.parametrize(
    ("point", "reason"),
    [(Point("kiwi", _missing), "No module named 'gone'"), (Point("pear", lambda: 5), "'pear' is registered already")],
    ids=["it cannot be imported", "its name is taken"],
)
def test_a_broken_third_party_item_is_named_at_every_lookup(
    fruits: Registry[int], monkeypatch: pytest.MonkeyPatch, point: Point, reason: str
) -> None:
    install(monkeypatch, Point("lime", lambda: 1), point)
    for _ in range(2):
        with pytest.raises(UsageError, match=f"fruit '{point.name}' of third_party.module:item.*{reason}"):
            fruits["fig"]


@pytest.mark.parametrize("item", [None, "text", 3.5])
def test_an_entry_point_that_is_nothing_of_the_kind_is_named(item: object, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: Registry[int] = Registry("number", int)
    install(monkeypatch, Point("extra", lambda: item))
    expected = r"number 'extra' of third_party\.module:item cannot be loaded .*expected a int.*; fix or uninstall"
    with pytest.raises(UsageError, match=expected):
        numbers["extra"]


def test_an_item_whose_own_name_is_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    points: Registry[Point] = Registry("point", Point)
    install(monkeypatch, Point("plum", lambda: Point("pear", int)))
    with pytest.raises(UsageError, match=r"point 'plum' of third_party.*it calls itself 'pear', expected 'plum'"):
        points["plum"]


def test_the_group_of_a_noun_is_its_plural(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = install(monkeypatch)
    assert [list(Registry(noun)) for noun in ("score", "loss")] == [[], []]
    assert asked == ["robustsweep.scores", "robustsweep.losses"]


@pytest.mark.parametrize("item", [int, object(), 1])
def test_a_class_that_derives_from_something_else_is_named(item: object, monkeypatch: pytest.MonkeyPatch) -> None:
    points: Registry[type[Point]] = Registry("point", base=Point)
    install(monkeypatch, Point("extra", lambda: item))
    with pytest.raises(UsageError, match="point 'extra' of third_party.*expected a subclass of Point"):
        points["extra"]


@pytest.mark.parametrize("error", [SystemExit(0), TypeError("x"), MemoryError()], ids=repr)
def test_an_entry_point_that_ends_the_process_is_named(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise error

    numbers: Registry[int] = Registry("number", int)
    install(monkeypatch, Point("extra", broken))
    with pytest.raises(UsageError, match=r"number 'extra' of third_party\.module:item cannot be loaded"):
        numbers["extra"]


def test_a_failure_of_an_item_of_another_package_names_its_entry_point(
    fruits: Registry[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Point("plum", lambda: 7))
    assert fruits["plum"] == 7
    with (
        pytest.raises(UsageError, match=r"'plum' of third_party\.module:item failed .*SystemExit"),
        fruits.using("plum"),
    ):
        raise SystemExit(0)
    with pytest.raises(UsageError, match="ours"), fruits.using("plum"):
        raise UsageError("ours")
    with pytest.raises(ZeroDivisionError), fruits.using("pear"):
        raise ZeroDivisionError
