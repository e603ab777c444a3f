from fractions import Fraction

import pytest

from robustsweep.attacks.eps import exact_eps, format_eps, parse_eps
from robustsweep.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8/255", Fraction(8, 255)),
        ("1/2/255", Fraction(1, 510)),
        ("1/8/255", Fraction(1, 2040)),
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("0.5/255", Fraction(1, 510)),
        ("2", Fraction(2)),
        (" 0.031 ", Fraction(31, 1000)),
    ],
)
def test_eps_is_read_exactly_and_divided_from_the_left(text, value):
    assert parse_eps(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "eps", "8/", "/255", "8//255", "-8/255", "nan", "inf", "1e-3", "1_0", "8 255", "٨/255", "1/2/3/4/5", "9" * 99],
)
def test_what_is_not_an_eps_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="8/255, 1/2/255 or 0.5"):
        parse_eps(text)


def test_a_zero_eps_and_a_division_by_zero_are_refused():
    with pytest.raises(UsageError, match="above zero"):
        parse_eps("0/255")
    with pytest.raises(UsageError, match="divides by zero"):
        parse_eps("8/0")


@pytest.mark.parametrize(
    ("value", "norm", "text"),
    [
        (Fraction(8, 255), "linf", "8/255"),
        (Fraction(1, 85), "linf", "3/255"),
        (Fraction(1, 2040), "linf", "1/8/255"),
        (Fraction(5, 510), "linf", "5/2/255"),
        (Fraction(1, 2), "linf", "0.5"),
        (Fraction(31, 1000), "linf", "0.031"),
        (Fraction(1), "linf", "255/255"),
        (Fraction(1, 2), "l2", "0.5"),
        (Fraction(2), "l2", "2"),
        (Fraction(128, 255), "l2", "128/255"),
    ],
)
def test_eps_is_written_as_the_field_writes_it(value, norm, text):
    assert format_eps(value, norm) == text


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_every_written_eps_reads_back_as_itself(norm):
    values = {Fraction(p, q * d) for p in range(1, 20) for q in (1, 2, 3, 8) for d in (1, 7, 255, 1000)}
    assert {parse_eps(format_eps(value, norm)) for value in values} == values
    assert len({format_eps(value, norm) for value in values}) == len(values)


def test_a_float_stands_for_the_fraction_it_was_meant_to_be():
    assert all(exact_eps(k / 255) == Fraction(k, 255) for k in range(1, 256))
    assert exact_eps(0.031) == Fraction(31, 1000)
    assert exact_eps("1/8/255") == Fraction(1, 2040)
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="finite number above zero"):
            exact_eps(bad)
