"""Results in public formats, held against the collections' own schema and parser."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answered_runs import corrupted, put, put_ladder
from run_builder import RunBuilder

from robustsweep.cli import main
from robustsweep.errors import DataError, NothingToCompareError, UsageError
from robustsweep.results.corruption_names import CORRUPTIONS, SEVERITIES
from robustsweep.results.report.publish.request import PublishRequest, named_repositories
from robustsweep.results.report.publish.writer import publish
from robustsweep.results.statistics.intervals import wilson

# eval.schema.json, version 0.3.0, of github.com/evaleval/every_eval_ever, commit 9bce4136 (MIT, see LICENSE beside it).
SCHEMA = Path(__file__).parent / "every_eval_ever" / "eval.schema.json"
N = 200
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVER = PublishRequest("every-eval-ever", "Some Lab", models={"net": "some/net", "other": "some/other"})
HUB = PublishRequest("hf-eval-results", models=EVER.models, datasets={"shapes": "data/shapes"})


@pytest.fixture
def run(tmp_path: Path) -> RunBuilder:
    builder = RunBuilder(tmp_path / "run", n=N)
    builder.card("net", "cutmix", seed=3, epochs=12)
    clean(builder, "net", 50)
    for severity in SEVERITIES:
        put(builder, "net", corrupted(builder, "fog", severity), first_wrong(60 + 10 * severity))
    put_ladder(builder, "net", np.repeat([-1, 0, 1], [50, 100, 50]).tolist(), ["1/255", "2/255"])
    return builder


def first_wrong(n_wrong: int) -> np.ndarray:
    return np.arange(N) < n_wrong


def clean(builder: RunBuilder, name: str, n_wrong: int) -> None:
    put(builder, name, {"name": "clean", "kind": "clean"}, first_wrong(n_wrong))


def documents(run: RunBuilder, out: Path, request: PublishRequest = EVER) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in publish([run.root], out, request, NOW)]


def by_metric(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["metric_config"]["metric_id"]: one for one in document["evaluation_results"]}


def test_a_record_satisfies_the_schema_of_every_eval_ever(run: RunBuilder, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    checker = jsonschema.Draft7Validator(schema)
    (document,) = documents(run, tmp_path / "out")
    assert document["schema_version"] == schema["version"]
    assert [error.message for error in checker.iter_errors(document)] == []
    with_data = replace(EVER, datasets={"shapes": "data/shapes"}, relationship="first_party")
    (document,) = documents(run, tmp_path / "again", with_data)
    assert [error.message for error in checker.iter_errors(document)] == []
    assert document["evaluation_results"][0]["source_data"]["hf_repo"] == "data/shapes"
    del document["model_info"]["id"]  # the schema can fail
    assert list(checker.iter_errors(document))


def test_scores_and_their_uncertainty_are_those_of_the_counts(run: RunBuilder, tmp_path: Path) -> None:
    for corruption, severity in product(CORRUPTIONS, SEVERITIES):
        put(run, "net", corrupted(run, corruption, severity), first_wrong(60 + 10 * severity))
    (document,) = documents(run, tmp_path / "out")
    found = by_metric(document)
    clean = found["robustsweep.clean_error"]
    details, interval = clean["score_details"], wilson(50, 200)
    assert details["score"] == 0.25
    assert details["uncertainty"]["num_samples"] == 200
    stated = details["uncertainty"]["confidence_interval"]
    assert (stated["lower"], stated["upper"], stated["confidence_level"]) == (interval.low, interval.high, 0.95)
    assert details["uncertainty"]["standard_error"]["value"] == pytest.approx((0.25 * 0.75 / 199) ** 0.5)
    assert clean["metric_config"]["lower_is_better"] is True
    mean = found["robustsweep.mean_corruption_error"]["score_details"]["score"]
    assert mean == pytest.approx(sum(60 + 10 * severity for severity in SEVERITIES) / 5 / N)
    assert found["robustsweep.fog_error"]["score_details"]["score"] == pytest.approx(mean)
    assert found["robustsweep.pgd10-linf@1/255_error"]["score_details"]["score"] == 0.75
    nll = found["robustsweep.clean_nll"]["metric_config"]
    assert (nll["min_score"], nll["max_score"], nll["metric_unit"]) == (0.0, "Infinity", "nats")


def test_a_corruption_that_lacks_severities_is_published_condition_by_condition(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run", n=N)
    clean(run, "net", 50)
    put(run, "net", corrupted(run, "fog", 3), first_wrong(80))
    (document,) = documents(run, tmp_path / "out")
    found = by_metric(document)
    assert found["robustsweep.fog@3_error"]["score_details"]["score"] == 0.4
    assert "robustsweep.fog_error" not in found


def test_what_was_measured_is_told(run: RunBuilder, tmp_path: Path) -> None:
    (document,) = documents(run, tmp_path / "out")
    told = document["model_info"]
    assert (told["id"], told["name"], told["developer"]) == ("some/net", "net", "some")
    assert told["additional_details"]["method"] == "cutmix"
    assert told["additional_details"]["seed"] == "3"
    how = document["evaluation_results"][0]["source_data"]
    assert (how["dataset_name"], how["additional_details"]["provenance"]) == ("shapes", "generated")
    assert document["retrieved_timestamp"] == str(int(NOW.timestamp()))
    assert document["source_metadata"]["source_organization_name"] == "Some Lab"


def test_a_file_has_the_place_of_the_collection_and_the_same_measurement_keeps_its_name(
    run: RunBuilder, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (path,) = publish([run.root], out, EVER, NOW)
    assert path.parent == out / "data" / "robustsweep-shapes" / "some" / "net"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json", path.name)
    assert publish([run.root], out, EVER) == [path]
    clean(run, "other", 80)
    assert len({path.name for path in publish([run.root], out, EVER, NOW)}) == 2


def test_a_card_that_says_where_it_came_from_names_its_model(run: RunBuilder, tmp_path: Path) -> None:
    run.card("hub", "baseline", source=f"hf:someone/theirs@{'0' * 40}:model.safetensors")
    clean(run, "hub", 80)
    found = {one["model_info"]["name"]: one["model_info"] for one in documents(run, tmp_path / "out")}
    assert found["hub"]["id"] == "someone/theirs"
    assert found["hub"]["additional_details"]["model_availability"] == "open_weights"
    clean(run, "nameless", 99)
    with pytest.raises(UsageError, match="nameless does not say which model it is; add --model 'nameless=ORG/NAME'"):
        publish([run.root], tmp_path / "none", EVER, NOW)
    assert not (tmp_path / "none").exists()


def test_the_hub_s_own_parser_reads_its_format(run: RunBuilder, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    (path,) = publish([run.root], tmp_path / "out", HUB, NOW)
    assert path == tmp_path / "out" / "some" / "net" / ".eval_results" / "robustsweep-shapes.yaml"
    content = yaml.safe_load(path.read_text())
    found = {one.task_id: one for one in hub.parse_eval_result_entries(content)}
    assert hub.eval_result_entries_to_yaml(list(found.values())) == content
    assert found.keys() >= {"clean_error", "pgd10-linf@1/255_error"}
    assert "fog_error" not in found
    assert (found["clean_error"].dataset_id, found["clean_error"].value) == ("data/shapes", 25.0)
    assert found["clean_error"].date == "2026-03-04"
    interval = wilson(50, 200)
    assert f"95% interval {100 * interval.low:.2f} to {100 * interval.high:.2f}%" in (found["clean_error"].notes or "")


def test_a_source_is_an_address_and_is_quoted(run: RunBuilder, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    request = replace(HUB, source_url="https://example.org/a#b")
    (path,) = publish([run.root], tmp_path / "out", request, NOW)
    assert yaml.safe_load(path.read_text())[0]["source"] == {"url": "https://example.org/a#b", "name": "robustsweep"}
    with pytest.raises(UsageError, match="--source-url must be an address"):
        replace(HUB, source_url="javascript:alert(1)")


def test_names_of_runs_cannot_lead_out_of_the_folder_or_break_the_file(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    name = 'x/../../y: "#\n- z'
    run = RunBuilder(tmp_path / "run", n=N, data=name)
    clean(run, "net", 50)
    request = replace(HUB, datasets={name: "data/shapes"})
    (path,) = publish([run.root], tmp_path / "out", request, NOW)
    assert path.name == "robustsweep-x-..-..-y-z.yaml"
    assert len(yaml.safe_load(path.read_text())) == 1
    (path,) = publish([run.root], tmp_path / "out", EVER, NOW)
    assert path.is_relative_to(tmp_path / "out" / "data")


def test_a_subset_is_no_result_of_a_page_and_says_so_elsewhere(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run", n=N, subset={"limit": N, "of": 1000}, n_total=1000)
    clean(run, "net", 50)
    with pytest.raises(UsageError, match="measured on 200 of 1000 images"):
        publish([run.root], tmp_path / "out", HUB, NOW)
    (document,) = documents(run, tmp_path / "out")
    assert document["evaluation_results"][0]["source_data"]["additional_details"]["subset"] == "200 of 1000"


def test_a_data_set_without_a_repository_is_a_sentence(run: RunBuilder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shapes does not say which data set of the hub it is; add --dataset"):
        publish([run.root], tmp_path / "out", replace(HUB, datasets={}), NOW)


def test_two_checkpoints_of_one_repository_do_not_overwrite_each_other(run: RunBuilder, tmp_path: Path) -> None:
    clean(run, "other", 80)
    models = {"net": "some/net", "other": "some/net"}
    assert len(documents(run, tmp_path / "out", replace(EVER, models=models))) == 2
    with pytest.raises(DataError, match="Two checkpoints or sets of images would be some/net/.eval_results"):
        publish([run.root], tmp_path / "out", replace(HUB, models=models), NOW)


def test_a_link_in_the_way_is_never_followed(run: RunBuilder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "some").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError):
        publish([run.root], tmp_path / "out", HUB, NOW)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_command_writes_what_it_names(
    run: RunBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--format",
        "hf-eval-results",
        "--out",
        "o",
        "--model",
        "net=some/net",
        "--dataset",
        "shapes=data/shapes",
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["robustsweep", "publish", "run", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Wrote o/some/net/.eval_results/robustsweep-shapes.yaml" in capsys.readouterr().out
    assert (tmp_path / "o/some/net/.eval_results/robustsweep-shapes.yaml").is_file()


def test_a_run_without_cells_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(NothingToCompareError, match="No finished cell"):
        publish([tmp_path / "run"], tmp_path / "out", EVER, NOW)


@pytest.mark.parametrize("pair", ["net", "=a/b", "net=", "net=a", "net=a/b/c", "net=../x", "net=a/..", "net=a/b c"])
def test_a_repository_that_is_not_one_is_a_sentence(pair: str) -> None:
    with pytest.raises(UsageError, match="--model takes NAME=ORG/REPOSITORY"):
        named_repositories([pair], "--model")


def test_a_name_given_twice_and_unknown_words_are_refused() -> None:
    assert named_repositories(["a=b=c/d"], "--model") == {"a=b": "c/d"}
    with pytest.raises(UsageError, match="each name once"):
        named_repositories(["a=b/c", "a=d/e"], "--model")
    with pytest.raises(UsageError, match="did you mean 'every-eval-ever'"):
        PublishRequest("every-eval")
    with pytest.raises(UsageError, match="add --organization NAME"):
        PublishRequest("every-eval-ever", " ")
    with pytest.raises(UsageError, match="Unknown relationship"):
        PublishRequest("every-eval-ever", "Lab", "friends")


def test_scores_whose_images_are_gone_are_not_published(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run", n=N)
    run.clean("net", 150)  # whose labels nobody wrote
    with pytest.raises(DataError, match="published with their uncertainty, which is unknown here"):
        publish([run.root], tmp_path / "out", EVER, NOW)


def test_the_schema_is_the_published_one() -> None:
    digest = hashlib.sha256(SCHEMA.read_bytes()).hexdigest()
    assert digest == "215f04c9a0d7a13f83c49ccd85f97018f39ad1e49af7a3a561841418e9ee08c9"
