"""What a search tries next, and that it finds what there is to find."""

import sys
from pathlib import Path

import numpy as np
import pytest
from searched_images import small_request

from robustsweep.augmentations.policies.policy_file import OPERATIONS, SubPolicy
from robustsweep.errors import DataError, MissingDependencyError, UsageError
from robustsweep.training.search.found_policy import joined_policy, random_policy
from robustsweep.training.search.request import plan_search
from robustsweep.training.search.split_networks import SplitNetworks
from robustsweep.training.search.trials import SplitTrials, Trial, find_optuna, open_trials

SubPolicies = tuple[SubPolicy, ...]


def in_memory(seed: int, operations: tuple[str, ...] = OPERATIONS, split: int = 0) -> SplitTrials:
    optuna = pytest.importorskip("optuna", reason="a search needs optuna")
    return SplitTrials(optuna.storages.InMemoryStorage(), split, operations, seed)


def known_reward(sub_policies: SubPolicies) -> float:
    """Be 1 where the first operation is Rotate with probability 0.7 and level 0.3, and less elsewhere."""
    name, probability, level = sub_policies[0][0]
    return (name == "Rotate") / 2 + (1 - abs(probability - 0.7)) / 4 + (1 - abs(level - 0.3)) / 4


def test_without_optuna_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'robustsweep\[search\]'"):
        find_optuna()


def test_trials_find_the_maximum_of_a_known_reward() -> None:
    trials = in_memory(0)
    for _ in range(40):
        trials.tell(known_reward(trials.ask()))
    rewards = [one.reward for one in trials.finished()]
    by_chance = [known_reward(random_policy(5, OPERATIONS, seed)) for seed in range(40)]
    assert max(rewards) > 0.93
    assert np.mean(rewards[-20:]) > np.mean(by_chance) + 0.25


def test_what_is_tried_belongs_to_seed_and_split() -> None:
    first, *others = (in_memory(seed, split=split).ask() for seed, split in ((0, 0), (0, 0), (1, 0), (0, 1)))
    assert [one == first for one in others] == [True, False, False]


def test_stored_trials_are_gone_on_with_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = in_memory(3)
    for _ in range(14):
        whole.tell(known_reward(whole.ask()))
    for n in (4, 8, 2):
        with open_trials(tmp_path) as storage:
            trials = SplitTrials(storage, 0, OPERATIONS, 3)
            for _ in range(n):
                trials.tell(known_reward(trials.ask()))
            trials.ask()  # never answered
    found = trials.finished()
    assert [one.sub_policies for one in found] == [one.sub_policies for one in whole.finished()]
    assert [one.reward for one in found] == [one.reward for one in whole.finished()]


def test_two_searches_at_once_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="a search needs optuna")
    with open_trials(tmp_path), pytest.raises(UsageError, match="Another search is at work"), open_trials(tmp_path):
        pass
    (tmp_path / "trials.db").write_bytes(b"not a database" * 100)
    with (
        pytest.raises(DataError, match=r"trials\.db cannot be read .* delete it to search again"),
        open_trials(tmp_path),
    ):
        pass


def test_the_best_trials_of_each_split_are_joined_and_names_do_not_repeat_within_a_trial() -> None:
    def trial(reward: float, *names: tuple[str, str]) -> Trial:
        return Trial(tuple(tuple((name, 0.5, reward) for name in pair) for pair in names), reward, 1.0)

    turn, flip = ("Rotate", "Invert"), ("Invert", "Rotate")
    splits = [[trial(0.1, turn), trial(0.3, turn, flip, turn), trial(0.3, flip)], [trial(0.2, turn)]]
    found = [(pair[0][0], pair[0][2]) for pair in joined_policy(splits, 2)]
    assert found == [("Rotate", 0.3), ("Invert", 0.3), ("Invert", 0.3), ("Rotate", 0.2)]


def test_where_turning_keeps_the_class_rotations_are_preferred_to_inversions(tmp_path: Path) -> None:
    in_memory(0)
    networks = SplitNetworks(plan_search(small_request(tmp_path, images=1000, epochs=3, splits=1)), lambda passes: None)
    networks.train(0)
    for seed in range(5):
        trials = in_memory(seed, ("Rotate", "Invert"))
        for _ in range(35):
            trials.tell(networks.reward(0, trials.ask()))
        weight = dict.fromkeys(("Rotate", "Invert"), 0.0)
        for pair in joined_policy([trials.finished()], 5):
            for name, probability, _ in pair:
                weight[name] += probability
        assert weight["Rotate"] > weight["Invert"], seed
