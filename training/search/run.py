"""A search from images to a policy file: networks, trials, and what the found policy is worth on images held out."""

import json
from collections.abc import Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustsweep.augmentations.policies.policy_file import Policy, SubPolicy, read_policy
from robustsweep.benchmark.sweep.progress import Progress, Silent
from robustsweep.errors import DataError, UsageError
from robustsweep.results.stored.files import write_atomically
from robustsweep.training.job import epochs_done
from robustsweep.training.search.found_policy import IDENTITY, joined_policy, random_policy
from robustsweep.training.search.processes import Crew
from robustsweep.training.search.provenance import origin, whole_provenance
from robustsweep.training.search.request import DRAWS, Search
from robustsweep.training.search.split_networks import PASSES_PER_STEP
from robustsweep.training.search.trials import SplitTrials, Trial, open_trials
from robustsweep.untrusted.files import read_json

_JUDGED = 4  # for each split: the identity on two sets of images, a random policy and the found one on one
Task = tuple[str, int, *tuple[tuple[SubPolicy, ...], ...]]
"""A method of ``SplitNetworks``, the split, and its other arguments."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Attributes:
        policy: With its provenance.
        path: Its file.
        n_tried: Trials of this run.
    """

    policy: Policy
    path: Path
    n_tried: int


def run_search(search: Search, progress: Progress | None = None) -> Found:
    """Train the networks, try policies on each, and write the policy file; an interrupted search is continued.

    With more trials than before the same search goes on; whatever else decides a trial must be as before.

    Args:
        search: What is wanted.
        progress: Receives events; its unit is one image through one forward pass.

    Raises:
        UsageError: If the folder holds another search, or another process is at work in it.
        RobustsweepError: If a training fails, or a file cannot be read; what is finished is stored.
    """
    progress = progress or Silent()
    search.out.mkdir(parents=True, exist_ok=True)
    with open_trials(search.out) as storage:
        _claim(search)
        request, path = search.request, policy_path(search)
        trials = [SplitTrials(storage, one.number, request.operations, request.seed) for one in search.splits]
        missing = [max(0, request.trials - len(one.finished())) for one in trials]
        if not sum(missing) and (known := _finished(search, path)) is not None:
            return Found(known, path, 0)
        progress.begin(sum(missing) + _JUDGED * len(trials), _passes(search, missing))
        with Crew(search, lambda passes: progress.advance(0, passes)) as crew:
            _compute([_try_policies(number, one, search, progress) for number, one in enumerate(trials)], crew)
            found = _judged(search, [one.finished()[: request.trials] for one in trials], crew, progress)
    write_atomically(path, found.to_json().encode())
    return Found(found, path, sum(missing))


def policy_path(search: Search) -> Path:
    """Return the file that the found policy is written to."""
    return search.out / "policy.json"


def _claim(search: Search) -> None:
    """Write what decides the trials, or hold it against what an earlier run has written."""
    path, settings = search.out / "search.json", search.settings
    if not path.is_file():
        write_atomically(path, json.dumps(settings, indent=2).encode())
        return
    known = read_json(path, "delete the folder to search again")
    if differing := [key for key in settings if known.get(key) != settings[key]]:
        raise UsageError(
            f"{search.out} holds another search (other {', '.join(differing)}): name another folder with --out, or "
            "delete it."
        )


def _finished(search: Search, path: Path) -> Policy | None:
    """Return the policy of exactly this search; None if the file holds another or cannot be read."""
    wanted = origin(search)
    with suppress(DataError, UsageError):
        known = read_policy(path)
        return known if all(known.provenance.get(key) == value for key, value in wanted.items()) else None
    return None


def _passes(search: Search, missing: Sequence[int]) -> int:
    """Count the forward passes that are left, those of the judgement included."""
    total = (_JUDGED - 1) * DRAWS * len(search.held_out) * len(search.splits)
    for split, n in zip(search.splits, missing, strict=True):
        job = search.job(split)
        epochs = 0 if job.path.is_file() else search.recipe.epochs - epochs_done(job)
        total += PASSES_PER_STEP * epochs * len(split.trained) + (n + 1) * DRAWS * len(split.searched)
    return total


def _try_policies(
    number: int, trials: SplitTrials, search: Search, progress: Progress
) -> Generator[Task, tuple[float, float] | None, None]:
    """Yield one after another what is to be computed for a split, and take what came of it."""
    progress.working_on(f"split {number + 1}", "training")
    yield "train", number
    for done in range(len(trials.finished()), search.request.trials):
        progress.working_on(f"split {number + 1}", f"trial {done + 1} of {search.request.trials}")
        timed = yield "timed_reward", number, trials.ask()
        assert timed is not None, "every policy has a reward"
        trials.tell(*timed)
        progress.advance(1, 0)


def _compute(works: Sequence[Generator[Task, Any, None]], crew: Crew) -> None:
    """Let all splits go on side by side, each one step after the other."""
    try:
        waiting = {crew.submit(*next(work)): work for work in works}
        while waiting:
            for future in crew.wait(waiting):
                work = waiting.pop(future)
                with suppress(StopIteration):
                    waiting[crew.submit(*work.send(future.result()))] = work
    except BrokenProcessPool as error:
        raise DataError(
            "A process of the search ended by itself, as one does that takes more memory than there is; run the same "
            "command to continue, with fewer --workers."
        ) from error


def _judged(search: Search, trials: Sequence[Sequence[Trial]], crew: Crew, progress: Progress) -> Policy:
    """Join the best trials, and measure them and what they are held against."""
    request = search.request
    found = joined_policy(trials, request.keep)
    policies = {
        "identity": IDENTITY,
        "random": random_policy(len(found), request.operations, request.seed),
        "found": found,
    }
    answers: dict[tuple[str, int], Any] = {}

    def ask(name: str, task: Task) -> Generator[Task, Any, None]:
        answers[name, task[1]] = yield task
        progress.advance(1, 0)

    numbers = range(len(search.splits))
    works = [ask(name, ("recognised", number, policy)) for name, policy in policies.items() for number in numbers]
    _compute([*works, *(ask("reward", ("reward", number, IDENTITY)) for number in numbers)], crew)
    recognised = {name: [answers[name, number] for number in numbers] for name in policies}
    identity = [answers["reward", number] for number in numbers]
    return Policy(found, whole_provenance(search, trials, identity, recognised))
