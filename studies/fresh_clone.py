"""Check that a fresh clone of a repository, without images, writes the report of a study that is committed in it.

What is committed counts, not what lies in the working tree. The report is made again in the clone by its own code;
every file that git then finds changed, missing or new is named, and the exit code is 1. Python and its packages are
those that this is run with.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def changes_by_study(repository: Path, folder: str, size: str) -> list[str]:
    """Run a study in a fresh clone, and list what it changed, a line per file as ``git status --short`` has it.

    Args:
        repository: Git repository with ``studies/study.py``.
        folder: The study's, relative to the repository.
        size: Size of the study.

    Raises:
        SystemExit: If the clone cannot be made, or the study does not end well, as one that lacks runs does not.
    """
    with tempfile.TemporaryDirectory() as place:
        clone = Path(place) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(repository), str(clone)], check=True)
        command = [sys.executable, "studies/study.py", folder, "--size", size]
        code = subprocess.run(command, cwd=clone, env={**os.environ, "PYTHONPATH": str(clone / "src")}).returncode
        if code:
            raise SystemExit(f"{' '.join(command[1:])} ended with exit code {code} in a fresh clone.")
        # Ignored files as well: whatever was computed would lie in the study's folder of runs, beside its log.
        status = ["git", "status", "--short", "--untracked-files=all", "--ignored", "--", folder]
        found = subprocess.run(status, cwd=clone, check=True, capture_output=True, text=True).stdout.splitlines()
        return [line for line in found if not line.endswith("/study.log")]


def main() -> int:
    """Check one size of a study."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", help="the study's folder, relative to the repository")
    parser.add_argument("--size", default="small", help="one of those in stages.toml")
    asked = parser.parse_args()
    changed = changes_by_study(Path(__file__).resolve().parents[1], asked.folder, asked.size)
    print("\n".join(["not as it is committed:", *changed]) if changed else "all files are as they are committed")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
