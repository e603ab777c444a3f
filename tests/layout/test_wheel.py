import shutil
import subprocess
import sys
import zipfile

from repository import ROOT, package_folders


def test_the_wheel_holds_one_top_level_name_and_every_module(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, symlinks=True, ignore=shutil.ignore_patterns(".*", "runs", "build", "*.egg-info"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        source,
    ]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"robustsweep"}
    modules = {
        f"{package.replace('.', '/')}/{path.name}"
        for package, folder in package_folders().items()
        for path in [*folder.glob("*.py"), *folder.glob("*.txt")]
    }
    recipes = {f"robustsweep/training/recipes/{path.name}" for path in (ROOT / "training/recipes").glob("*.toml")}
    assert len(recipes) == 4
    page = {f"robustsweep/results/html/{name}" for name in ("report.html.j2", "page.css", "tables.js")}
    data = page | recipes | {"robustsweep/py.typed", "robustsweep/results/report.schema.json"}
    assert modules | data == {name for name in names if ".dist-info" not in name}
