"""Folders stand for the SQL files below them, in the order in which they run, or for the revisions in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.errors import UsageError
from sluicegate.lint.paths import expanded


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in expanded([folder])]


def test_sql_files_below_are_taken_in_order_and_hidden_folders_are_not(tmp_path):
    made(tmp_path, "2/b.sql", "1/z.sql", "2/a.sql", ".git/x.sql", "readme.md")
    assert names(tmp_path) == ["1/z.sql", "2/a.sql", "2/b.sql"]


def test_without_sql_the_revisions_in_the_folder_are_taken(tmp_path):
    made(tmp_path, "b.py", "a.py", "__init__.py", "__pycache__/a.py")
    assert names(tmp_path) == ["a.py", "b.py"]


def test_files_and_standard_input_stay_as_they_are(tmp_path):
    assert expanded([Path("-"), Path("nowhere.sql")]) == (Path("-"), Path("nowhere.sql"))


def test_a_folder_without_either_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"holds no \.sql file and no revision"):
        expanded([tmp_path])
