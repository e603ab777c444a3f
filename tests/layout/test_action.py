import re

import yaml
from repository import ROOT


def test_the_action_imports_nothing_from_the_repository_that_it_checks():
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    commands = "\n".join(step["run"] for step in steps)
    started = re.findall(r"\bpython3?\b(?: -P)?", commands)
    assert len(started) == 3
    assert set(started) == {"python -P"}
