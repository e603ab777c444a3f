"""Checkpoints of the Hugging Face Hub: from its cache, pinned to a commit, and what happens without network."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from checkpoint_files import ARCHITECTURE as OWN
from checkpoint_files import CARD, SPEC, logits, only, weights
from checkpoint_files import network as own_network
from hub_folders import ARCHITECTURE, CLASSES, COMMIT, MEAN, STD, config, network, put, safetensors

from robustsweep.benchmark.checkpoints import resolve, save_native
from robustsweep.benchmark.checkpoints.hubs import repositories
from robustsweep.errors import CheckpointError, UsageError

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
OTHER = "fedcba9876543210fedcba9876543210fedcba98"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, on a machine that is not to ask the network."""
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def pickled(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_a_repository_says_architecture_classes_and_constants_and_the_card_pins_its_commit(cache: Path) -> None:
    put(cache, "someone/net", {"config.json": config(), "model.safetensors": safetensors(network(3))})
    found = only("hf:someone/net,method=cutmix,seed=4")
    assert (found.name, found.card.architecture, found.card.classes) == ("net", f"timm:{ARCHITECTURE}", CLASSES)
    assert (list(found.card.normalisation.mean), list(found.card.normalisation.std)) == (MEAN, STD)
    assert found.card.source == f"hf:someone/net@{COMMIT}:model.safetensors"
    assert (found.card.method, found.card.seed, found.card.input_size, found.card.resize_input) == (
        *("cutmix", 4),
        *(160, False),
    )
    images = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, STD))
    with torch.inference_mode():
        assert torch.equal(found.load()(images), network(3).eval()((images - mean) / std))


def test_timm_s_own_form_and_the_hub_s_name_one_checkpoint(cache: Path) -> None:
    snapshot = put(cache, "someone/net", {"config.json": config(), "model.safetensors": safetensors(network())})
    forms = ("hf:someone/net", "timm:hf-hub:someone/net", f"hf:someone/net@{COMMIT}", f"timm:local-dir:{snapshot}")
    assert len({only(form).id for form in forms}) == 1
    assert only(forms[3]).card.source is None


def test_a_revision_is_what_it_names(cache: Path) -> None:
    put(cache, "someone/net", {"config.json": config(), "model.safetensors": safetensors(network(0))})
    files = {"config.json": config(), "model.safetensors": safetensors(network(1))}
    put(cache, "someone/net", files, commit=OTHER, branch="second")
    first, second = only("hf:someone/net"), only("hf:someone/net@second")
    assert first.id != second.id
    assert only(f"timm:hf-hub:someone/net@{OTHER}").id == second.id
    assert second.card.source == f"hf:someone/net@{OTHER}:model.safetensors"


def test_safetensors_go_before_a_pickle_and_a_pickle_is_read_without_running_it(cache: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return pytest.fail, ("it ran",)

    hostile = pickled({"state_dict": Runs()})
    both = {"config.json": config(), "model.safetensors": safetensors(network()), "pytorch_model.bin": hostile}
    put(cache, "someone/both", both)
    put(cache, "someone/old", {"config.json": config(), "pytorch_model.bin": pickled(network().state_dict())})
    put(cache, "someone/hostile", {"config.json": config(), "pytorch_model.bin": hostile})
    assert only("hf:someone/both").id == only("hf:someone/old").id
    assert (only("hf:someone/old").card.source or "").endswith(":pytorch_model.bin")
    with pytest.raises(CheckpointError, match="nothing in it was executed"):
        resolve("hf:someone/hostile")


def test_a_file_is_native_or_what_the_spec_says_of_it(cache: Path, tmp_path: Path) -> None:
    save_native(tmp_path / "native.safetensors", own_network(2), CARD)
    native = (tmp_path / "native.safetensors").read_bytes()
    put(cache, "someone/files", {"a/native.safetensors": native, "net.pth": pickled(weights(2))})
    put(cache, "someone/both", {"native.safetensors": native, "config.json": b'{"model_type": "vit"}'})
    assert only("hf:someone/both:native.safetensors").card.method == CARD.method
    found, told = only("hf:someone/files:a/native.safetensors"), only(f"hf:someone/files:net.pth,{SPEC}")
    assert found.id == told.id
    assert torch.equal(logits(found), logits(told))
    assert (found.name, told.name, found.card.method) == ("files/a/native", "files/net", CARD.method)
    assert told.card.source == f"hf:someone/files@{COMMIT}:net.pth"
    with pytest.raises(UsageError, match="say arch= and norm="):
        resolve("hf:someone/files:net.pth")
    with pytest.raises(UsageError, match="say norm= beside arch="):
        resolve(f"hf:someone/files:net.pth,arch={OWN}")


def test_the_spec_s_constants_go_before_the_published_ones(cache: Path) -> None:
    put(cache, "someone/net", {"config.json": config(), "model.safetensors": safetensors(network())})
    assert str(only("hf:someone/net,norm=half").card.normalisation) == "0.5/0.5/0.5/0.5/0.5/0.5"
    assert only("hf:someone/net,input_size=96").card.resize_input
    for key, value in (("classes", "3"), ("weights", "random")):
        with pytest.raises(UsageError, match=f"leave {key}= out"):
            resolve(f"hf:someone/net,{key}={value}")


@pytest.mark.parametrize(
    "spec", ["hf:nobody/none", "timm:hf-hub:nobody/none", "hf:nobody/none:net.pth,arch=a,norm=half"]
)
def test_without_network_one_sentence_says_what_is_not_in_the_cache(cache: Path, spec: str) -> None:
    with pytest.raises(CheckpointError, match=r"not in the hub's cache and the hub cannot be reached; .*hf download"):
        resolve(spec)


def test_a_repository_of_which_the_cache_has_the_description_alone_is_a_sentence(cache: Path) -> None:
    put(cache, "someone/net", {"config.json": config()})
    with pytest.raises(CheckpointError, match=r"net@0123.*: model\.safetensors is not in the hub's cache"):
        resolve("hf:someone/net")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "a/b/c",
            "../secret",
            "a/..",
            "a/b@../../x",
            "a/b@",
            "a/b:",
            "a/b:/etc/passwd",
            "a/b:../../x",
            "a/b:x\\y",
        ),
        *("a/b:x//y", "a b/c", "a/b\n", "a/b@v 1"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(cache: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be read; write hf:ORG/NAME"):
        repositories.parse_repository(name)


def test_timm_s_form_names_no_file(cache: Path) -> None:
    with pytest.raises(UsageError, match="write hf:a/b@main:net.pth"):
        resolve("timm:hf-hub:a/b:net.pth")


def test_a_cache_whose_commit_is_a_path_is_refused(cache: Path) -> None:
    put(cache, "someone/net", {"config.json": config()})
    (cache / "models--someone--net" / "refs" / "main").write_text(f"../snapshots/{COMMIT}")
    with pytest.raises(CheckpointError, match="expected 40 hexadecimal digits"):
        resolve("hf:someone/net")


def test_a_file_larger_than_what_is_read_is_refused_before_it_is_fetched(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: object, dry_run: bool = False, **__: object) -> object:
        assert dry_run, "it was fetched"
        return SimpleNamespace(commit_hash=COMMIT, file_size=1 << 40)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    with pytest.raises(CheckpointError, match="has 1099511627776 bytes, more than the"):
        resolve("hf:someone/net")


def test_what_a_repository_does_not_have_is_a_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, "someone/net", {"config.json": config()})
    real, error = hub.hf_hub_download, hub.errors.RemoteEntryNotFoundError
    absent = error.__new__(error)

    def download(repository: str, file: str, **options: object) -> object:
        if file in there:
            return real(repository, file, **options)
        raise absent

    monkeypatch.setattr(hub, "hf_hub_download", download)
    there = {"config.json"}
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors or pytorch_model\.bin; name the file"):
        resolve("hf:someone/net")
    there = set[str]()
    with pytest.raises(UsageError, match=r"someone/net has no config\.json; say arch= and norm="):
        resolve("hf:someone/net")
    with pytest.raises(CheckpointError, match=r"has no net\.pth; name the file"):
        resolve("hf:someone/net:net.pth,arch=resnet8,norm=half")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("GatedRepoError", "asks for an agreement"),
        ("RepositoryNotFoundError", "no model repository someone/net, or it is private"),
        ("RevisionNotFoundError", "has no revision 'main'"),
        ("HfHubHTTPError", "config.json could not be fetched .*planted"),
    ],
)
def test_what_the_hub_answers_is_a_sentence(
    cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str, sentence: str
) -> None:
    error = getattr(hub.errors, kind)
    planted = error.__new__(error)
    Exception.__init__(planted, "planted")

    def download(*_: object, **__: object) -> object:
        raise planted

    monkeypatch.setattr(hub, "hf_hub_download", download)
    with pytest.raises(CheckpointError, match=sentence):
        resolve("hf:someone/net")
