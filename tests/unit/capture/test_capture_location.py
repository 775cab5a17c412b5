"""Where revisions are found: configuration files, folders, and the refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.capture.location import find_script_location
from sluicegate.errors import UsageError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    for folder in ("db/versions", "more", "backend/src"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "db" / "env.py").write_text("")
    (tmp_path / "db" / "versions" / "0001.py").write_text("revision = '0001'\n")
    (tmp_path / "more" / "0002.py").write_text("revision = '0002'\n")
    return tmp_path


def names(location: object) -> list[str]:
    return [path.name for path in location.revision_files()]


def test_an_ini_file_says_where(tree: Path) -> None:
    (tree / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/db\nversion_locations = %(here)s/db/versions %(here)s/more\n"
        "prepend_sys_path = . backend/src\nsqlalchemy.url = postgresql+asyncpg://u:p%%40ss@h/d\n"
    )
    found = find_script_location(tree)
    assert (found.directory, found.versions) == (tree / "db", (tree / "db" / "versions", tree / "more"))
    assert names(found) == ["0001.py", "0002.py"]
    assert found.import_paths == (tree, tree / "backend" / "src")
    assert (found.driver, found.config_file) == ("asyncpg", tree / "alembic.ini")
    assert "p@ss" not in repr(found)
    assert "p%" not in repr(found)


@pytest.mark.parametrize(
    ("separator", "value"),
    [
        ("path_separator = os", "db/versions:more"),
        ("path_separator = newline", "db/versions\n    more"),
        ("path_separator = ;", "db/versions;more"),
        ("version_path_separator = :", "db/versions:more"),
        ("", "db/versions, more"),
    ],
)
def test_version_locations_are_split_as_alembic_splits_them(tree: Path, separator: str, value: str) -> None:
    (tree / "alembic.ini").write_text(f"[alembic]\nscript_location = db\n{separator}\nversion_locations = {value}\n")
    assert names(find_script_location(tree)) == ["0001.py", "0002.py"]


def test_pyproject_says_where(tree: Path) -> None:
    (tree / "pyproject.toml").write_text(
        '[tool.alembic]\nscript_location = "%(here)s/db"\nversion_locations = ["db/versions", "more"]\n'
        'prepend_sys_path = ["backend/src"]\n'
    )
    found = find_script_location(tree / "backend" / "src")
    assert names(found) == ["0001.py", "0002.py"]
    assert found.import_paths == (tree / "backend" / "src",)


def test_the_ini_file_wins_over_pyproject_key_by_key(tree: Path) -> None:
    (tree / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "db"\nversion_locations = ["more"]\n')
    (tree / "alembic.ini").write_text("[alembic]\nversion_locations = db/versions\n[logging]\n")
    assert names(find_script_location(tree)) == ["0001.py"]


def test_another_section_may_be_named(tree: Path) -> None:
    (tree / "alembic.ini").write_text("[alembic]\nscript_location = gone\n[other]\nscript_location = db\n")
    assert names(find_script_location(tree, section="other")) == ["0001.py"]


def test_recursive_locations(tree: Path) -> None:
    (tree / "db" / "versions" / "2024").mkdir()
    (tree / "db" / "versions" / "2024" / "0003.py").write_text("")
    (tree / "alembic.ini").write_text("[alembic]\nscript_location = db\n")
    assert names(find_script_location(tree)) == ["0001.py"]
    (tree / "alembic.ini").write_text("[alembic]\nscript_location = db\nrecursive_version_locations = true\n")
    assert names(find_script_location(tree)) == ["0001.py", "0003.py"]


def test_a_package_location_is_found_in_the_project(tree: Path) -> None:
    (tree / "alembic.ini").write_text("[alembic]\nscript_location = db:.\n")
    (tree / "shop" / "storage" / "migrations" / "versions").mkdir(parents=True)
    (tree / "alembic.ini").write_text("[alembic]\nscript_location = shop.storage:migrations\n")
    assert find_script_location(tree).directory == tree / "shop" / "storage" / "migrations"


def test_flask_migrate_keeps_the_ini_file_in_the_script_directory(tree: Path) -> None:
    (tree / "db" / "alembic.ini").write_text("[alembic]\nfile_template = %%(rev)s\n[loggers]\nkeys = root\n")
    found = find_script_location(tree)
    assert (found.directory, names(found), found.working_directory) == (tree / "db", ["0001.py"], tree)


@pytest.mark.parametrize(
    ("migrations", "files"), [("db", ["0001.py"]), ("db/versions", ["0001.py"]), ("more", ["0002.py"])]
)
def test_a_folder_needs_no_configuration(tree: Path, migrations: str, files: list[str]) -> None:
    found = find_script_location(migrations=tree / migrations)
    assert (names(found), found.config_file, found.working_directory) == (files, None, tree)


def test_a_named_folder_takes_the_configuration_above_it_when_it_means_it(tree: Path) -> None:
    (tree / "alembic.ini").write_text("[alembic]\nscript_location = db\nprepend_sys_path = backend/src\n")
    assert find_script_location(migrations=tree / "db").import_paths == (tree / "backend" / "src",)
    assert find_script_location(migrations=tree / "more").config_file is None


def test_the_search_goes_up_to_the_repository_and_then_down(tree: Path) -> None:
    (tree / "backend" / "alembic.ini").write_text("[alembic]\nscript_location = ../db\n")
    assert find_script_location(tree / "backend" / "src").config_file == tree / "backend" / "alembic.ini"
    (tree / "db").rename(tree / "backend" / "db")
    (tree / "backend" / "alembic.ini").write_text("[alembic]\nscript_location = db\n")
    assert find_script_location(tree).directory == tree / "backend" / "db"


def test_several_environments_are_a_question_back(tree: Path) -> None:
    for name in ("one", "two"):
        (tree / "services" / name / "versions").mkdir(parents=True)
        (tree / "services" / name / "env.py").write_text("")
    with pytest.raises(UsageError, match=r"holds several Alembic environments: .*one, .*two\."):
        find_script_location(tree / "services")


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("[alembic]\nscript_location = gone\n", "puts the revisions into gone, which is no folder below"),
        ("[alembic]\nscript_location = nothing_like_it:here\n", "package 'nothing_like_it', which is neither"),
        ("[alembic]\nscript_location = %(nowhere)s\n", "cannot be read: Bad value substitution"),
        ("no section\n", "cannot be read: File contains no section headers"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(tree: Path, ini: str, message: str) -> None:
    (tree / "alembic.ini").write_text(ini)
    with pytest.raises(UsageError) as refused:
        find_script_location(tree)
    assert message in refused.value.message


def test_nothing_to_find_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UsageError, match=r"No alembic\.ini, no \[tool\.alembic\]"):
        find_script_location(tmp_path)
    with pytest.raises(UsageError, match="There is no folder"):
        find_script_location(migrations=tmp_path / "gone")
    with pytest.raises(UsageError, match="holds no revisions"):
        find_script_location(migrations=tmp_path)


def test_the_driver_may_be_said_in_env_py(tree: Path) -> None:
    (tree / "db" / "env.py").write_text('url = os.environ["URL"].replace("postgres://", "postgresql+psycopg://")\n')
    assert find_script_location(migrations=tree / "db").driver == "psycopg"


def test_revisions_that_lie_deeper_are_not_taken_for_none(tree: Path) -> None:
    (tree / "db" / "versions" / "postgresql").mkdir()
    (tree / "db" / "versions" / "0001.py").rename(tree / "db" / "versions" / "postgresql" / "0001.py")
    with pytest.raises(UsageError, match=r"holds no revisions, but folders below it do: .*versions/postgresql\."):
        find_script_location(migrations=tree / "db")
    assert names(find_script_location(migrations=tree / "db" / "versions" / "postgresql")) == ["0001.py"]


def test_a_folder_of_revisions_that_the_configuration_leaves_out_can_be_named(tmp_path: Path) -> None:
    scripts = tmp_path / "migrations"
    for backend in ("postgresql", "sqlite"):
        (scripts / "versions" / backend).mkdir(parents=True)
        (scripts / "versions" / backend / "one.py").write_text("revision = 'one'\ndown_revision = None\n")
    (scripts / "env.py").write_text("")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    named = scripts / "versions" / "postgresql"
    found = find_script_location(migrations=named)
    assert (found.directory, found.versions) == (scripts, (named,))
    assert [path.parent.name for path in found.revision_files()] == ["postgresql"]
