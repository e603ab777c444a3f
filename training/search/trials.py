"""The trials of a search, in optuna's SQLite storage: what is tried next follows from the trials that are finished.

Source: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization" (NeurIPS 2011), the tree-
structured Parzen estimator, as optuna has it; the authors of Fast AutoAugment took HyperOpt's. Each parameter has its
own estimator, as there. The sampler of each trial has a seed of its own, and a trial is stored whole when it is
finished: a search that was killed and continued tries what an undisturbed one tries.
"""

import fcntl
import hashlib
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustsweep.augmentations.policies.policy_file import OPERATIONS_PER_SUB_POLICY, SubPolicy
from robustsweep.errors import MissingDependencyError, UsageError
from robustsweep.untrusted.files import reading

SUB_POLICIES_PER_TRIAL = 5
_FILE = "trials.db"
_ADVICE = "delete it to search again"
RANDOM_TRIALS = 10
"""The first trials of a split, which no reward decides."""


def find_optuna() -> Any:
    """Import optuna.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as error:
        raise MissingDependencyError(
            f"A search needs optuna, which cannot be imported ({error}); install it with: "
            "pip install 'robustsweep[search]'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextmanager
def open_trials(folder: Path) -> Iterator[Any]:
    """Open the storage in a folder, for this process alone.

    Raises:
        UsageError: If another process has it open.
        DataError: If it cannot be read.
    """
    optuna, path = find_optuna(), folder / _FILE
    url = importlib.import_module("sqlalchemy.engine").URL.create("sqlite", database=str(path)).render_as_string()
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"Another search is at work in {folder}; wait for it, or name another folder.") from None
        with reading(path, _ADVICE):
            storage = optuna.storages.RDBStorage(url)
        try:
            yield storage
        finally:
            storage.engine.dispose()


@dataclass(frozen=True, slots=True)
class Trial:
    """One policy and what it is worth.

    Attributes:
        sub_policies: The policy.
        reward: In [0, 1].
        seconds: What the reward took to compute.
    """

    sub_policies: tuple[SubPolicy, ...]
    reward: float
    seconds: float


class SplitTrials:
    """The trials of one split, one after the other.

    Args:
        storage: What ``open_trials`` gives.
        split: The split's number.
        operations: Those that a policy may hold.
        seed: The search's.
    """

    def __init__(self, storage: Any, split: int, operations: tuple[str, ...], seed: int) -> None:
        self._optuna = find_optuna()
        self._operations, self._stream = operations, f"{seed}\0search/trial/{split}"
        self._asked: Any = None
        self._study = self._optuna.create_study(direction="maximize")
        with reading(_FILE, _ADVICE):
            self._stored = self._optuna.create_study(
                storage=storage, study_name=f"split{split}", direction="maximize", load_if_exists=True
            )
            self._study.add_trials(self._stored.get_trials(deepcopy=False))
            self.finished()

    def finished(self) -> list[Trial]:
        """List the trials, in their order."""
        found = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,))
        return [Trial(_policy_of(one.params), one.value, one.user_attrs["seconds"]) for one in found]

    def ask(self) -> tuple[SubPolicy, ...]:
        """Say which policy to try next."""
        digest = hashlib.blake2b(f"{self._stream}/{len(self.finished())}".encode(), digest_size=4).digest()
        self._study.sampler = self._optuna.samplers.TPESampler(
            seed=int.from_bytes(digest, "little"),
            n_startup_trials=RANDOM_TRIALS,
            multivariate=False,
            constant_liar=False,
        )
        self._asked = self._study.ask()
        for place in _PLACES:
            self._asked.suggest_categorical(f"operation {place}", self._operations)
            self._asked.suggest_float(f"probability {place}", 0, 1)
            self._asked.suggest_float(f"level {place}", 0, 1)
        return _policy_of(self._asked.params)

    def tell(self, reward: float, seconds: float = 0.0) -> None:
        """Store the policy that was asked for last, with its reward and how long that took to compute."""
        self._asked.set_user_attr("seconds", seconds)
        self._stored.add_trial(self._study.tell(self._asked, reward))


_PLACES = tuple(
    f"{pair}.{position}" for pair in range(SUB_POLICIES_PER_TRIAL) for position in range(OPERATIONS_PER_SUB_POLICY)
)


def _policy_of(parameters: dict[str, Any]) -> tuple[SubPolicy, ...]:
    found = [
        tuple(parameters[f"{what} {place}"] for what in ("operation", "probability", "level")) for place in _PLACES
    ]
    step = OPERATIONS_PER_SUB_POLICY
    return tuple(tuple(found[start : start + step]) for start in range(0, len(found), step))
