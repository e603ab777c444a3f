"""The collector of cycles rests inside, and is afterwards as it was before."""

import gc

import pytest

from robustsweep.process.cycle_collector import collector_paused


def test_the_collector_rests_inside_and_wakes_after_an_error():
    @collector_paused()
    def fail() -> None:
        raise KeyError(gc.isenabled())

    with pytest.raises(KeyError, match="False"):
        fail()
    assert gc.isenabled()


def test_a_collector_that_was_asleep_stays_asleep():
    gc.disable()
    try:
        with collector_paused(), collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
