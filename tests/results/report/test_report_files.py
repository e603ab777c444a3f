"""A report replaces what an earlier one wrote, and touches nobody else's files."""

from pathlib import Path

from robustsweep.results.report.report_files import LIST_NAME, write_files


def names(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != LIST_NAME)
    return {path.relative_to(folder).as_posix() for path in found}


def test_tables_that_are_no_longer_written_go_and_foreign_files_stay(tmp_path: Path) -> None:
    write_files(tmp_path, ("report",), {"tables/a.csv": b"a", "tables/b.csv": b"b"}, ["csv"])
    (tmp_path / "report" / "tables" / "mine.csv").write_bytes(b"mine")
    write_files(tmp_path, ("report",), {"tables/a.csv": b"A"}, ["csv"])
    assert names(tmp_path / "report") == {"tables/a.csv", "tables/mine.csv"}


def test_files_of_formats_that_are_not_asked_for_stay_until_they_are(tmp_path: Path) -> None:
    write_files(tmp_path, (), {"report.html": b"h", "tables/a.csv": b"a"}, ["html", "csv"])
    write_files(tmp_path, (), {"report.json": b"j"}, ["json"])
    assert names(tmp_path) == {"report.html", "tables/a.csv", "report.json"}
    write_files(tmp_path, (), {"tables/b.csv": b"b"}, ["csv"])
    assert names(tmp_path) == {"report.html", "tables/b.csv", "report.json"}


def test_a_file_that_somebody_has_changed_stays(tmp_path: Path) -> None:
    write_files(tmp_path, (), {"tables/a.csv": b"a"}, ["csv"])
    (tmp_path / "tables" / "a.csv").write_bytes(b"edited")
    write_files(tmp_path, (), {"tables/b.csv": b"b"}, ["csv"])
    assert names(tmp_path) == {"tables/a.csv", "tables/b.csv"}


def test_a_damaged_list_removes_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, (), {"tables/a.csv": b"a"}, ["csv"])
    (tmp_path / LIST_NAME).write_text("{")
    write_files(tmp_path, (), {"tables/b.csv": b"b"}, ["csv"])
    assert names(tmp_path) == {"tables/a.csv", "tables/b.csv"}
