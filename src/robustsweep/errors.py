"""Every error that a user can meet, each with the exit code it ends the command line with."""


class RobustsweepError(Exception):
    """A condition that the user can fix; the message says what was expected, what came, and how to fix it.

    Attributes:
        exit_code: Status with which the command line ends when this error reaches it.
    """

    exit_code = 2


class UsageError(RobustsweepError):
    """An option, a plan file or a specification that cannot be understood."""


class DataError(RobustsweepError):
    """Images, labels or archives that are missing, malformed or unsafe."""


class CheckpointError(RobustsweepError):
    """Weights or cards that are missing, malformed, unsafe, or do not fit the architecture."""


class MissingDependencyError(RobustsweepError):
    """An optional package that this part needs and that cannot be imported here."""


class AttackError(RobustsweepError):
    """An attack that broke its contract: outside its budget, not finite, or a model that changed under it."""


class NoGradientError(AttackError):
    """A model that gives an attack no gradient to follow: there is none, or it is not finite."""


class CellsFailedError(RobustsweepError):
    """Some cells of a sweep could not be computed; the finished ones are stored."""

    exit_code = 3


class NothingToCompareError(RobustsweepError):
    """There are no results, or none that may be set side by side."""

    exit_code = 4


class RegressionFoundError(RobustsweepError):
    """A checkpoint was computed to be less robust than its baseline; nothing else ends with this exit code."""

    exit_code = 1


class InconclusiveError(RobustsweepError):
    """A comparison that has to be conclusive is not."""

    exit_code = 5
