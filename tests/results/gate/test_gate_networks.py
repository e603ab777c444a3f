"""What the gate says where the candidate is another network than its baseline."""

from xml.etree import ElementTree

import numpy as np
import pytest
from answered_runs import put
from gated_runs import CLEAN, Make
from run_builder import RunBuilder

from robustsweep.cli.gate import show
from robustsweep.results.gate.baseline import write_baseline
from robustsweep.results.gate.junit import junit_xml
from robustsweep.results.gate.outcome import run_gate
from robustsweep.results.gate.step_summary import step_summary
from robustsweep.results.gate.wrong_images import read_answers

WRONG = np.arange(200) < 40
NORM = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
OTHER = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


def run(make_builder: Make, folder: str, **card: object) -> RunBuilder:
    builder = make_builder(folder, n=200)
    builder.card("net", None, None, weights=folder, **card)
    put(builder, "net", CLEAN, WRONG)
    return builder


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ({"architecture": "resnet32"}, "net: architecture resnet32 (in the baseline resnet20)"),
        ({"normalisation": OTHER}, "normalisation mean 0.5 0.5 0.5 std 0.5 0.5 0.5 (in the baseline mean 0.485 0.456"),
        ({"input_size": 64}, "net: input size 64 (in the baseline 32)"),
        ({"input_size": None}, "net: input size any (in the baseline 32)"),
        ({}, ""),
    ],
)
def test_a_line_above_the_verdicts_says_in_what_the_networks_differ(
    make_builder: Make,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ours: dict[str, object],
    said: str,
    *,
    as_file: bool,
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    card = {"architecture": "resnet20", "normalisation": NORM, "input_size": 32}
    base, new = run(make_builder, "base", **card), run(make_builder, "new", **(card | ours))
    baseline = base.root
    if as_file:
        baseline = base.root.parent / "baseline.npz"
        write_baseline(baseline, read_answers(base.root))
    outcome = run_gate(new.root, baseline)
    assert said in outcome.networks
    assert bool(outcome.networks) == bool(said)
    show(outcome, None)
    assert capsys.readouterr().out.startswith("Not the same network") == bool(said)
    assert ("Not the same network" in step_summary(outcome).split("|")[0]) == bool(said)
    properties = [one.get("value") for one in ElementTree.fromstring(junit_xml(outcome)).iter("property")]
    assert properties == ([outcome.networks] if said else [])


def test_a_baseline_that_does_not_state_its_network_says_nothing(make_builder: Make) -> None:
    new = run(make_builder, "new", input_size=32, normalisation=NORM)
    assert not run_gate(new.root, run(make_builder, "base").root).networks


def test_whatever_a_card_holds_is_shown_in_bounded_words(make_builder: Make) -> None:
    nested: object = 1
    for _ in range(40):
        nested = [nested]
    base = run(make_builder, "base", input_size=32, normalisation=NORM)
    new = run(make_builder, "new", input_size=[32] * 999, normalisation=nested, architecture="x" * 999)
    said = run_gate(new.root, base.root).networks
    assert "normalisation ..." in said
    assert len(said) < 600
