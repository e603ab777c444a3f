import subprocess
from pathlib import Path

import pytest
from fresh_clone import changes_by_study

# In place of a study: writes a report, and leaves a log and what else its folder says.
STUDY = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
(folder / "results").mkdir(exist_ok=True)
(folder / "results/report.md").write_text(f"{sys.argv[3]}: 12.3\\n")
(folder / "runs").mkdir()
(folder / "runs/study.log").write_text("now\\n")
if (folder / "computes").exists():
    (folder / "runs/weights.bin").write_text("0")
sys.exit(int((folder / "exit_code").read_text()))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name, text in {
        "studies/study.py": STUDY,
        "studies/one/exit_code": "0",
        "studies/one/results/report.md": "small: 12.3\n",
        ".gitignore": "runs/\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    commit(root)
    return root


def commit(root: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "change"], check=True)


def test_a_report_that_is_written_as_it_is_committed_passes(repository: Path) -> None:
    assert changes_by_study(repository, "studies/one", "small") == []


def test_another_digit_is_found_although_the_working_tree_is_right(repository: Path) -> None:
    report = repository / "studies/one/results/report.md"
    report.write_text("small: 12.4\n")
    commit(repository)
    report.write_text("small: 12.3\n")
    assert changes_by_study(repository, "studies/one", "small") == [" M studies/one/results/report.md"]


def test_a_report_that_is_not_committed_is_found(repository: Path) -> None:
    (repository / "studies/one/results/report.md").unlink()
    commit(repository)
    assert changes_by_study(repository, "studies/one", "small") == ["?? studies/one/results/report.md"]


def test_a_study_that_computes_is_found(repository: Path) -> None:
    (repository / "studies/one/computes").write_text("")
    commit(repository)
    assert changes_by_study(repository, "studies/one", "small") == ["!! studies/one/runs/weights.bin"]


def test_a_study_that_lacks_runs_ends_the_check(repository: Path) -> None:
    (repository / "studies/one/exit_code").write_text("1")
    commit(repository)
    with pytest.raises(SystemExit, match="exit code 1"):
        changes_by_study(repository, "studies/one", "small")
