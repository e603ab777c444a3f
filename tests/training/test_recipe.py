from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from robustsweep.errors import UsageError
from robustsweep.training.recipe import RECIPES, Recipe, find_recipe, read_recipe

RECIPE = Recipe(name="plain", epochs=10, batch_size=4, learning_rate=0.2, weight_decay=1e-4, warmup_epochs=2)


# Another valid value of every field. A number of epochs changes the share that the warm-up takes.
CHANGES: dict[str, dict[str, Any]] = {
    "epochs": {"epochs": 11},
    "batch_size": {"batch_size": 5},
    "learning_rate": {"learning_rate": 0.7},
    "weight_decay": {"weight_decay": 0.5},
    "momentum": {"momentum": 0.5},
    "warmup_epochs": {"warmup_epochs": 2.5},
    "schedule": {"schedule": "step", "drops_at": (0.5,)},
    "drops_at": {"schedule": "step", "drops_at": (0.5, 0.75)},
    "crop": {"crop": "resized", "crop_padding": 0, "crop_size": 24, "norm": "imagenet"},
    "crop_size": {"crop": "resized", "crop_padding": 0, "crop_size": 32, "norm": "imagenet"},
    "norm": {"norm": "imagenet"},
    "crop_padding": {"crop_padding": 5},
    "flip": {"flip": False},
    "label_smoothing": {"label_smoothing": 0.5},
    "precision": {"precision": "bfloat16"},
}


def test_the_hash_depends_on_every_field_but_the_name_and_the_default_architecture() -> None:
    assert {"name", "architecture", *CHANGES} == {field.name for field in fields(Recipe)}
    assert replace(RECIPE, name="other", architecture="resnet20").hash == RECIPE.hash
    changed = [replace(RECIPE, **change) for change in CHANGES.values()]
    assert len({RECIPE.hash, *(recipe.hash for recipe in changed)}) == len(CHANGES) + 1


def test_a_key_that_is_left_out_changes_no_hash_that_cards_hold_already() -> None:
    assert RECIPES["digits"].hash.startswith("381da22a6820a2ba")
    assert RECIPES["cifar-fast"].hash.startswith("7f82777f8600ccd0")


@pytest.mark.parametrize("name", list(RECIPES))
@pytest.mark.parametrize("epochs", [1, 7, 100])
def test_another_number_of_epochs_keeps_hash_optimiser_and_shape(name: str, epochs: int) -> None:
    recipe = RECIPES[name]
    other = recipe.lasting(epochs)
    assert (other.hash, other.optimiser, other.epochs) == (recipe.hash, recipe.optimiser, epochs)
    for share in (0.05, 0.2, 0.49, 0.51, 0.9):
        rate = recipe.learning_rate_at(share * recipe.epochs)
        assert other.learning_rate_at(share * epochs) == pytest.approx(rate)


def test_a_stepped_learning_rate_drops_to_a_tenth_at_each_share() -> None:
    at = replace(RECIPE, schedule="step", drops_at=(0.5, 0.75)).learning_rate_at
    assert [at(1), at(2), at(4.9), at(5), at(7.4), at(7.5), at(9.9)] == pytest.approx(
        [0.1, 0.2, 0.2, 0.02, 0.02, 0.002, 0.002]
    )


def test_the_published_protocols_are_those_of_the_papers() -> None:
    cifar, imagenet = RECIPES["cifar"], RECIPES["imagenet"]
    assert (cifar.epochs, cifar.batch_size, cifar.learning_rate, cifar.weight_decay) == (300, 64, 0.25, 1e-4)
    rates = [cifar.learning_rate_at(epoch) for epoch in (0, 149, 150, 224, 225, 299)]
    assert rates == pytest.approx([0.25, 0.25, 0.025, 0.025, 0.0025, 0.0025])
    assert (imagenet.epochs, imagenet.batch_size, imagenet.crop, imagenet.crop_size) == (300, 256, "resized", 224)
    rates = [imagenet.learning_rate_at(epoch) for epoch in (0, 74, 75, 150, 225)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 1e-3, 1e-4])


@pytest.mark.parametrize(
    ("name", "epochs", "rate", "drops"),
    [
        ("full-preactresnet18", 1200, 0.1, (400, 800)),
        ("half-preactresnet18", 600, 0.2, (350, 500)),
        ("full-wrn-28-10", 400, 0.1, (200, 300)),
        ("half-wrn-28-10", 200, 0.2, (120, 170)),
    ],
)
def test_puzzle_mix_has_its_published_protocols(name: str, epochs: int, rate: float, drops: tuple[int, int]) -> None:
    recipe = RECIPES[f"puzzlemix-{name}"]
    assert (recipe.epochs, recipe.batch_size, recipe.weight_decay, recipe.crop_padding) == (epochs, 100, 1e-4, 2)
    rates = [recipe.learning_rate_at(epoch) for drop in drops for epoch in (drop - 1, drop)]
    assert rates == pytest.approx([rate, rate / 10, rate / 10, rate / 100])


WHOLE = """
epochs = 3
batch_size = 16
learning_rate = 1
weight_decay = 0
"""


def test_a_recipe_file_has_the_fields_as_keys_and_its_name_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE + "schedule = 'step'\ndrops_at = [0.5]\nflip = false\n")
    expected = Recipe("mine", 3, 16, 1.0, 0.0, schedule="step", drops_at=(0.5,), flip=False)
    assert find_recipe(str(path)) == expected
    assert find_recipe("digits") is RECIPES["digits"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", r"Unknown key of the recipe .*'epoch'; did you mean 'epochs'\?"),
        ("name = 'x'", "Unknown key of the recipe .*'name'"),
        ("batch_size = 16", "mine.toml lacks epochs"),
        (WHOLE + "momentum = '0.9'", "momentum must be a number, got '0.9'"),
        (WHOLE + "flip = 1", "flip must be true or false, got 1"),
        (WHOLE + "crop_padding = 1.5", "crop_padding must be a whole number, got 1.5"),
        (WHOLE + "drops_at = 0.5", "drops_at must be a list of numbers, got 0.5"),
        (WHOLE + "drops_at = ['a']", r"drops_at\[0\] must be a number, got 'a'"),
        (WHOLE + "architecture = 3", "architecture must be a string, got 3"),
        (WHOLE + "schedule = 'steps'", "schedule must be one of cosine, step, got 'steps'"),
        (WHOLE + "schedule = 'step'", "needs drops_at, shares of the training that ascend"),
        (WHOLE + "drops_at = [0.5]", "and none for 'cosine'"),
        (WHOLE + "schedule = 'step'\ndrops_at = [0.5, 0.5]", "ascend in"),
        (WHOLE + "precision = 'float16'", "precision must be one of float32, bfloat16, got 'float16'"),
        (WHOLE + "crop = 'resized'\ncrop_padding = 0", "needs a positive crop_size and a norm"),
        (WHOLE + "crop = 'resized'\ncrop_size = 0\nnorm = 'half'", "needs a positive crop_size and a norm"),
        (WHOLE + "crop = 'resized'\ncrop_size = 24\nnorm = 'half'", "needs crop_padding = 0"),
        (WHOLE + "crop_size = 24", "has crop_size=24, which needs crop = 'resized'"),
        (WHOLE + "norm = 'imagnet'", "did you mean 'imagenet'"),
        (WHOLE + "momentum = 1.0", r"Recipe 'mine': momentum must be in \[0, 1\), got 1.0"),
        ("epochs = ", "is not TOML"),
    ],
)
def test_a_recipe_file_that_cannot_be_understood_is_refused_in_a_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value).replace("(at line", "")


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone.toml does not exist"):
        find_recipe(str(tmp_path / "gone.toml"))
    with pytest.raises(UsageError, match="did you mean 'cifar-fast'"):
        find_recipe("cifarfast")


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
    with pytest.raises(UsageError, match=f"Recipe 'plain': {field} must be "):
        replace(RECIPE, **{field: value})
