import pytest
from legacy_worker import CIFAR, with_constants
from measurements import Measurement, summary

from robustsweep.corruptions import CORRUPTIONS, SEVERITIES

# The peer keeps these in another form: a list of zooms, and multiples of the side.
OTHER_FORM = ("zoom_blur", "elastic_transform")


def scaled(value, severity=1):
    factor, added = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)][severity - 1]
    halves = [0.5, 0.5][0]
    return OFFSET + value * factor * 2 * halves + added


OFFSET = 100


def measurement(name, ours, peer, severity=1):
    return Measurement(name, severity, 32, "cpu", ours, peer, 1.0)


def test_the_worker_replaces_a_functions_constants_and_nothing_else():
    replaced = with_constants(scaled, [(10, 1), (20, 1), (30, 1), (40, 1), (50, 1)])
    assert [replaced(2, severity) for severity in SEVERITIES] == [121, 141, 161, 181, 201]
    assert [scaled(2, severity) for severity in SEVERITIES] == [102, 104, 106, 108, 110]


def test_the_worker_refuses_a_function_without_constants_by_severity():
    with pytest.raises(ValueError, match="measurement indexes 0 lists by severity - 1, expected 1"):
        with_constants(measurement, [])


@pytest.mark.parametrize("name", [name for name in CIFAR if name not in OTHER_FORM])
def test_both_sides_of_the_benchmark_use_the_same_cifar_constants(name):
    for severity, constants in zip(SEVERITIES, CIFAR[name], strict=True):
        peer = constants if isinstance(constants, tuple) else (constants,)
        assert CORRUPTIONS[name].parameters("cifar", severity)[: len(peer)] == peer


def test_the_second_mean_leaves_out_the_corruptions_that_flatter():
    cells = [
        measurement("fog", (1.0, 1.0, 1.0), (4.0, 1.0, 9.0)),
        measurement("snow", (2.0,), (18.0,)),
        measurement("frost", (1.0,), (1000.0,)),
    ]
    lines = list(summary(cells))
    assert lines[0] == "geometric mean, all: 33.0x over 3 cells"
    assert lines[1] == "geometric mean, without glass_blur and frost: 6.0x over 2 cells"
    assert lines[2] == "lowest cells: fog@1 4.00x, snow@1 9.00x, frost@1 1000.00x"


def test_the_benchmark_says_when_the_machine_was_too_busy_to_be_believed():
    steady, busy = measurement("fog", (1.0, 1.0), (4.0, 5.0)), measurement("fog", (1.0, 1.0), (4.0, 8.0))
    assert "busy" not in list(summary([steady]))[-1]
    assert "do not quote" in list(summary([busy]))[-1]
