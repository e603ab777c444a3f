import logging

import pytest

from robustsweep.errors import DataError
from robustsweep.foreign_code import ForeignExitError, described, errors_alone, foreign_code


class UnshowableError(Exception):
    def __str__(self) -> str:
        raise ValueError

    def __repr__(self) -> str:
        raise ValueError


class Own(BaseException):
    pass


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit("bye"), GeneratorExit(), Own("x")], ids=repr)
def test_whatever_would_pass_every_handler_becomes_an_error_that_says_so(error: BaseException) -> None:
    with pytest.raises(ForeignExitError, match="tried to end the process with") as caught, foreign_code():
        raise error
    assert repr(error) in str(caught.value)


@pytest.mark.parametrize("error", [ValueError("x"), DataError("x"), KeyboardInterrupt()], ids=repr)
def test_errors_and_the_users_interruption_pass_as_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, foreign_code():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("a sentence."), "a sentence."),
        (RuntimeError("shapes"), "shapes"),
        (RuntimeError(), "RuntimeError()"),
        (ValueError("x"), "ValueError('x')"),
        (UnshowableError(), "UnshowableError"),
        (ValueError("x" * 10_000), "ValueError('" + "x" * 988 + " ..."),
    ],
    ids=["ours", "torch", "empty", "other", "unshowable", "long"],
)
def test_errors_are_described_in_one_way(error: BaseException, said: str) -> None:
    assert described(error) == said


def test_a_library_that_is_kept_quiet_says_errors_alone_and_all_again_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("some_library.hub")
    with errors_alone("some_library"):
        logger.warning("retrying")
        logger.error("broken")
    logger.warning("again")
    assert [record.message for record in caplog.records] == ["broken", "again"]
