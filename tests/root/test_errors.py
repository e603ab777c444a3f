import inspect

import pytest

from robustsweep import errors
from robustsweep.errors import RobustsweepError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


def test_exit_codes_are_the_documented_ones() -> None:
    codes = {kind.__name__: kind.exit_code for kind in KINDS}
    special = {"RegressionFoundError": 1, "CellsFailedError": 3, "NothingToCompareError": 4, "InconclusiveError": 5}
    assert codes == {name: special.get(name, 2) for name in codes}
    assert special.keys() <= codes.keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_caught_as_one_kind_and_says_what_it_was_given(kind: type[RobustsweepError]) -> None:
    with pytest.raises(RobustsweepError, match="^expected this, got that$"):
        raise kind("expected this, got that")
