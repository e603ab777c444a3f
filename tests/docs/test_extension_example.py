"""The example package of the documentation: it installs, all that it adds is used, and its mistakes are named."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
import torch

import robustsweep as rs
from robustsweep import registry
from robustsweep.attacks import ATTACKS
from robustsweep.augmentations import METHODS
from robustsweep.benchmark.architectures import ARCHITECTURES
from robustsweep.benchmark.data import DATASETS
from robustsweep.benchmark.plan.suites import SUITES
from robustsweep.corruptions import CORRUPTIONS
from robustsweep.errors import RobustsweepError
from robustsweep.results.metrics.catalogue.every_score import SCORES

EXAMPLE = Path(__file__).parents[2] / "docs/extend/example"
USE = """
import json
import robustsweep as rs
from robustsweep.results.compare.comparison import compare
plan = {
    "data": "stripes",
    "suites": ["vignettes", "normgd2-linf@1/255"],
    "out": "run",
    "device": "cpu",
    "audit": False,
    "train": {"methods": ["baseline", "channelmix,probability=0.25"], "arch": "tiny-cnn", "epochs": 1},
}
files = [path.name for path in rs.train(plan)]
results = rs.sweep(plan)
compared = rs.compare("run", "channelmix", "baseline", metrics="vignette_rise")
text = results.report("report", formats="json").files[0].read_text()
print(json.dumps({
    "files": files,
    "conditions": sorted(set(results.frame["condition"])),
    "rise": list(results.table("headline")["vignette_rise"]),
    "errors": results.frame.groupby("condition")["error"].mean().to_dict(),
    "declared": [one.score.name for one in compared.found[0].comparisons if one.p_holm is not None],
    "compared": [one.score.name for one in compared.found[0].comparisons],
    "is_defined": "minus the error on clean images" in text,
}))
"""


def test_the_page_shows_every_file_of_the_example_and_nothing_keeps_one_from_being_inserted() -> None:
    page = (EXAMPLE.parents[1] / "how-to/extend.md").read_text()
    shown = re.findall(r"^```\w+\n--8<--\n(.+)\n--8<--\n```$", page, re.MULTILINE)
    assert page.count("```py\n") + page.count("```toml\n") == len(shown)
    there = [path.relative_to(EXAMPLE.parents[1]).as_posix() for path in EXAMPLE.rglob("*.*") if path.is_file()]
    assert set(shown) == {name for name in there if name.endswith((".py", ".toml")) and "__init__" not in name}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install a copy of the example, without a network, into a folder of its own."""
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "example")
    folder = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", folder, source], check=True)
    return folder


def run(code: str, folder: Path, where: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"PYTHONPATH": path, "ROBUSTSWEEP_CACHE": str(where / "cache")}
    return subprocess.run([sys.executable, "-c", code], cwd=where, env=env, capture_output=True, text=True)


def test_everything_that_the_example_adds_is_trained_swept_and_reported(installed: Path, tmp_path: Path) -> None:
    ran = run(USE, installed, tmp_path)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["files"] == [
        "baseline-epochs1-seed0.safetensors",
        "channelmix-probability-0.25-epochs1-seed0.safetensors",
    ]
    vignettes = [f"vignette@{severity}" for severity in range(1, 6)]
    assert found["conditions"] == ["clean", "normgd2-linf@1/255", *vignettes]
    errors = found["errors"]
    rise = sum(errors[name] for name in vignettes) / 5 - errors["clean"]
    assert sum(found["rise"]) / 2 == pytest.approx(rise)
    assert errors["normgd2-linf@1/255"] >= errors["clean"]
    assert found["declared"] == ["vignette_rise"]
    assert {"vignette_error", "normgd2-linf@1/255_error"} <= set(found["compared"])
    assert found["is_defined"]


@pytest.mark.parametrize(
    ("module", "right", "wrong", "use", "said"),
    [
        ("vignette", "    return (images * light).to(torch.uint8)", "    return images * light",
         "rs.corrupt(images, 'vignette', 3)",
         "The corruption 'vignette' of robustsweep_example.vignette:VIGNETTE returned torch.float64 (2, 3, 32, 32)"),
        ("vignette", "    (strength,) = parameters", "    strength, more = parameters",
         "rs.corrupt(images, 'vignette', 3)",
         "The corruption 'vignette' of robustsweep_example.vignette:VIGNETTE failed (ValueError('not enough values"),
        ("normalised_ascent", "    return State(", "    State(",
         "rs.attack(network, images, labels, 'normgd2-linf@1/255')",
         "The attack 'normgd' of robustsweep_example.normalised_ascent:NORMALISED_ASCENT returned None, expected"),
        ("normalised_ascent", "largest = gradient.flat", "largest = gradient.fat",
         "rs.attack(network, images, labels, 'normgd2-linf@1/255')",
         "The attack 'normgd' of robustsweep_example.normalised_ascent:NORMALISED_ASCENT failed (AttributeError("),
        ("normalised_ascent", "ball.project(state.images + probe.step_size * direction)", "state.images + 1",
         "rs.attack(network, images, labels, 'normgd2-linf@1/255')",
         "normgd2-linf@1/255: the step rule left its budget"),
        ("channel_mix", "    return mixed, (", "    mixed, (",
         "rs.train({'train': {'methods': ['channelmix'], 'data': 'digits', 'epochs': 1, 'limit': 64}})",
         "The method 'channelmix' of robustsweep_example.channel_mix:ChannelMix failed (TypeError("),
        ("tiny_cnn", "class TinyCnn(nn.Module)", "def TinyCnn(classes): pass\nclass Other(nn.Module)",
         "rs.load('other.pth,arch=tiny-cnn,norm=none')",
         "The architecture 'tiny-cnn' of robustsweep_example.tiny_cnn:TinyCnn returned None, expected"),
        ("stripes", "    return Dataset(", "    Dataset(",
         "rs.evaluate(network, 'stripes', 'clean')",
         "The dataset 'stripes' of robustsweep_example.stripes:open_stripes returned None, expected a Dataset"),
        ("vignette", "    return (Clean(), *", "    return (Clean, *",
         "rs.evaluate(network, (images, labels), 'vignettes')",
         "The suite 'vignettes' of robustsweep_example.vignette:vignettes returned"),
        ("vignette_rise", 'kind="group"', 'kind="groups"',
         "rs.evaluate(network, (images, labels), 'clean').table('headline')",
         "The score 'vignette_rise' of robustsweep_example.vignette_rise:VIGNETTE_RISE is of the kind 'groups'"),
        ("vignette_rise", "0.2, 0.2, 0.2,", "0.2, 0.2,",
         "rs.evaluate(network, (images, labels), 'clean').table('headline')",
         "The score 'vignette_rise' of robustsweep_example.vignette_rise:VIGNETTE_RISE has 5 weights for 6 cells"),
        ("vignette_rise", 'name="vignette_rise"', 'name="rise"',
         "rs.evaluate(network, (images, labels), 'clean').table('headline')",
         "it calls itself 'rise', expected 'vignette_rise', the name of its entry point"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_entry_point(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, right: str, wrong: str, use: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    declare(monkeypatch, module, right, wrong)
    torch.save({"linear.weight": torch.zeros(2, 2)}, "other.pth")
    network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(48, 10)).eval()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        labels = network(images / 255).argmax(1)
    with pytest.raises(RobustsweepError, match=re.escape(said)):
        exec(use, {"rs": rs, "images": images, "labels": labels, "network": network})


def declare(monkeypatch: pytest.MonkeyPatch, module: str, right: str, wrong: str) -> None:
    """Pretend that one module of the example is installed, with a mistake in it."""
    source = EXAMPLE / f"src/robustsweep_example/{module}.py"
    text = source.read_text()
    assert right in text
    changed = ModuleType(f"robustsweep_example.{module}")
    monkeypatch.setitem(sys.modules, changed.__name__, changed)
    exec(compile(text.replace(right, wrong), source, "exec"), changed.__dict__)
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]

    def entry_points(group: str) -> list[EntryPoint]:
        points = [EntryPoint(name, value, group) for name, value in declared.get(group, {}).items()]
        return [point for point in points if point.module == changed.__name__]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    for items in (CORRUPTIONS, ATTACKS, METHODS, ARCHITECTURES, DATASETS, SUITES, SCORES):
        for name in ("_items", "_origins"):
            monkeypatch.setattr(items, name, dict(getattr(items, name)))
        monkeypatch.setattr(items, "_entry_points_loaded", False)
