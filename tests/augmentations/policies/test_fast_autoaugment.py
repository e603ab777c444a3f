"""Fast AutoAugment's policy files, and which operations it applies to which image."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from photos import byte_images
from scipy.stats import chisquare

from robustsweep.augmentations.policies import policy_pixels
from robustsweep.augmentations.policies.fast_autoaugment import FastAutoAugment
from robustsweep.augmentations.policies.policy_file import FORMAT, Policy, read_policy
from robustsweep.draws import Draws
from robustsweep.errors import RobustsweepError, UsageError

IMAGES = byte_images(12)
PAIRS = ((("Rotate", 0.5, 0.9), ("Invert", 1.0, 0.0)), (("Color", 0.2, 1.0), ("Solarize", 0.0, 0.1)))
RELEASED = Path(__file__).parents[4] / "shared/data/fast_autoaugment_policies.json"
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(policy: Any) -> str:
        path = tmp_path / "policy.json"
        path.write_text(policy.to_json() if isinstance(policy, Policy) else policy)
        return str(path)

    return to_file


def drawn(method: FastAutoAugment, n: int = len(IMAGES)) -> torch.Tensor:
    return method.sample(Draws(0, "augmentation/0", torch.arange(n)))


def test_a_file_gives_back_what_was_written(write: Write) -> None:
    policy = Policy(PAIRS, {"seconds": 1.5})
    assert read_policy(Path(write(policy))) == policy


def test_the_hash_depends_on_the_sub_policies_alone(write: Write) -> None:
    assert Policy(PAIRS).hash == Policy(PAIRS, {"seconds": 2}).hash
    assert Policy(PAIRS).hash != Policy(PAIRS[::-1]).hash


@pytest.mark.parametrize(
    ("said", "seconds"),
    [({"a": 1.5, "b": 2}, 3.5), (2, 2.0), ({}, None), ({"a": "1"}, None), (None, None), (True, None)],
)
def test_the_time_of_the_search_is_what_the_file_says(write: Write, said: object, seconds: float | None) -> None:
    assert FastAutoAugment(write(Policy(PAIRS, {"seconds": said}))).search_seconds == seconds
    assert FastAutoAugment(write(Policy(PAIRS))).search_seconds is None


def test_the_policy_that_comes_with_the_package_says_how_it_was_found() -> None:
    method = FastAutoAugment()
    policy, said = method.read, method.read.provenance
    assert (said["data"], said["data_split"], said["classes"]) == ("cifar100", "train", 100)
    n_kept = said["kept_trials"] * len(said["splits"])
    assert n_kept <= len(policy.sub_policies) <= n_kept * said["sub_policies_per_trial"]
    rewards = said["rewards_held_out"]
    assert all(rewards[name]["low"] <= rewards[name]["value"] <= rewards[name]["high"] for name in rewards)
    assert method.search_seconds == pytest.approx(sum(said["seconds"].values()))
    assert said["versions"]["optuna"]


def test_the_method_keeps_the_hash_and_refuses_another_policy(write: Write) -> None:
    method = FastAutoAugment(write(Policy(PAIRS)))
    assert method.parameters()["policy_hash"] == Policy(PAIRS).hash
    assert FastAutoAugment(**method.parameters()) == method
    with pytest.raises(UsageError, match="expected"):
        FastAutoAugment(write(Policy(PAIRS[:1])), policy_hash=method.policy_hash)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "expected an object"),
        ("{", "cannot be read"),
        ("{}", "format must be"),
        ('{"policies": []}', "policies must be an object"),
        ('{"policies": {"a": [], "b": []}}', "choose one with entry=: a, b"),
        *(
            (json.dumps({"format": FORMAT, "sub_policies": pairs}), said)
            for pairs, said in (
                ([], "a list of 1 to"),
                ([[["Rotate", 1, 1]]], "sub-policy 1 must be a list of 2 operations"),
                ([[["Rotate", 1, 1], ["Rotat", 1, 1]]], "unknown operation 'Rotat'"),
                ([[["Rotate", 1, 1], [["x"], 1, 1]]], "unknown operation"),
                ([[["Rotate", 1.5, 1], ["Invert", 1, 1]]], "probability of Rotate must be a number in"),
                ([[["Rotate", 1, True], ["Invert", 1, 1]]], "level of Rotate must be a number in"),
                ([[["Rotate", 1], ["Invert", 1, 1]]], r"an operation is \[name, probability, level\]"),
            )
        ),
        (json.dumps({"format": FORMAT, "sub_policies": PAIRS, "provenance": 3}), "provenance must be an object"),
        (json.dumps({"format": FORMAT, "sub_policies": PAIRS, "provenance": {"a": "\0"}}), "NUL"),
    ],
)
def test_a_damaged_file_gives_a_sentence(write: Write, content: str, said: str) -> None:
    with pytest.raises(RobustsweepError, match=said):
        read_policy(Path(write(content)))


def test_a_file_that_is_not_there_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RobustsweepError, match="cannot be read"):
        FastAutoAugment(str(tmp_path / "nowhere.json"))


@pytest.mark.skipif(not RELEASED.is_file(), reason="the released policies lie outside the repository")
@pytest.mark.parametrize(("entry", "n"), [("cifar10", 493), ("imagenet", 498), ("svhn", 497)])
def test_the_released_policies_are_read(entry: str, n: int) -> None:
    policy = read_policy(RELEASED, entry)
    assert len(policy.sub_policies) == n
    counts = Counter(name for pair in policy.sub_policies for name, _, _ in pair)
    assert sum(counts.values()) == 2 * n
    if entry == "cifar10":
        assert (counts["Cutout"], counts["Invert"], counts["Solarize"]) == (79, 75, 48)
    method = FastAutoAugment(str(RELEASED), entry)
    assert (method.pixels(IMAGES, drawn(method)) != IMAGES).any()


def test_probability_zero_is_the_identity(write: Write) -> None:
    method = FastAutoAugment(write(Policy(((("Invert", 0.0, 1.0), ("Rotate", 0.0, 1.0)),))))
    sample = drawn(method)
    sample[0] = 0
    assert torch.equal(method.pixels(IMAGES, sample), IMAGES)


def test_a_batch_equals_its_singles(write: Write) -> None:
    method = FastAutoAugment(write(Policy(PAIRS)))
    sample = drawn(method)
    singles = [method.pixels(IMAGES[i : i + 1], sample[i : i + 1]) for i in range(len(IMAGES))]
    assert torch.equal(method.pixels(IMAGES, sample), torch.cat(singles))


def test_operations_are_applied_as_often_as_the_policy_says(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    applied: Counter[str] = Counter()

    def counted(name: str, images: torch.Tensor, *rest: Any) -> torch.Tensor:
        applied[name] += len(images)
        return images

    monkeypatch.setattr(policy_pixels, "operate", counted)
    method, n = FastAutoAugment(write(Policy(PAIRS))), 20_000
    method.pixels(torch.zeros((n, 3, 1, 1), dtype=torch.uint8), drawn(method, n))
    for name, share in (("Rotate", 0.25), ("Invert", 0.5), ("Color", 0.1)):
        assert chisquare([applied[name], n - applied[name]], [share * n, n - share * n]).pvalue > 1e-3
    assert applied["Solarize"] == 0


def test_what_overlaps_the_corruptions_can_be_left_out(write: Write) -> None:
    path = write(Policy(((("Color", 1.0, 1.0), ("Brightness", 1.0, 0.0)),)))
    safe, full = FastAutoAugment(path, corruption_safe=True), FastAutoAugment(path)
    assert (bool(safe.overlapped_corruptions), bool(full.overlapped_corruptions)) == (False, True)
    assert torch.equal(safe.pixels(IMAGES, drawn(safe)), IMAGES)
    assert not torch.equal(full.pixels(IMAGES, drawn(full)), IMAGES)
    harmless = FastAutoAugment(write(Policy(((("Color", 0.0, 1.0), ("Rotate", 1.0, 0.0)),))))
    assert not harmless.overlapped_corruptions
