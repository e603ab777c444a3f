from dataclasses import fields, replace

import pytest

from robustsweep.errors import UsageError
from robustsweep.training.recipe import RECIPES, Recipe

RECIPE = Recipe(name="plain", epochs=10, batch_size=4, learning_rate=0.2, weight_decay=1e-4, warmup_epochs=2)


def test_the_hash_depends_on_every_field_but_the_name() -> None:
    assert replace(RECIPE, name="other").hash == RECIPE.hash
    changed = [
        replace(RECIPE, **{f.name: not getattr(RECIPE, f.name) if f.name == "flip" else getattr(RECIPE, f.name) + 0.5})
        for f in fields(Recipe)
        if f.name != "name"
    ]
    assert len({RECIPE.hash, *(recipe.hash for recipe in changed)}) == len(fields(Recipe))


def test_the_learning_rate_rises_linearly_and_falls_along_a_half_cosine() -> None:
    at = RECIPE.learning_rate_at
    assert [at(0), at(0.5), at(1)] == pytest.approx([0, 0.05, 0.1])
    assert [at(2), at(6), at(10)] == pytest.approx([0.2, 0.1, 0])
    assert at(4) == pytest.approx(0.1 * (1 + 2**-0.5))


def test_every_recipe_is_registered_under_its_name() -> None:
    assert [RECIPES[name].name for name in RECIPES] == list(RECIPES)
    assert not RECIPES["digits"].flip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("warmup_epochs", 10.0),
        ("label_smoothing", 1.0),
        ("crop_padding", -1),
    ],
)
def test_impossible_recipes_are_refused(field: str, value: float) -> None:
    with pytest.raises(UsageError, match="'plain' needs"):
        replace(RECIPE, **{field: value})
