"""The files around a migration: what is found without running anything."""

from __future__ import annotations

import textwrap
from pathlib import Path

from sluicegate.lint.project import ProjectFiles, read_environment


def test_backfills_are_known_by_the_revision_that_begins_their_name(tmp_path):
    folder = tmp_path / "backfills"
    folder.mkdir()
    for name in ("0003_event_status.py", "a1b2c3_x.py", "_private.py", "notes.md", "nounderscore.py"):
        (folder / name).touch()
    assert ProjectFiles(tmp_path).backfills() == {
        "0003": "backfills/0003_event_status.py",
        "a1b2c3": "backfills/a1b2c3_x.py",
    }


def test_a_project_without_backfills_has_none(tmp_path):
    assert ProjectFiles(tmp_path).backfills() == {}


def test_a_path_may_start_at_the_project_or_at_the_revisions(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "fill.sh").touch()
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "old").mkdir()
    (versions / "old" / "0001.py").touch()
    files = ProjectFiles(tmp_path, (versions,))
    assert files.holds("scripts/fill.sh")
    assert files.holds("old/0001.py")
    assert not files.holds("scripts/missing.sh")


def test_env_py_is_read_for_its_transactions_and_timeouts(tmp_path):
    env = tmp_path / "env.py"
    env.write_text(
        textwrap.dedent(
            '''
            """Without lock_timeout = 99s this would wait."""
            raise SystemExit("never run")
            engine = create_engine(url, connect_args={"options": "-c lock_timeout=4s -c statement_timeout=15min"})
            context.configure(connection=connection, transaction_per_migration=True)
            '''
        )
    )
    found = read_environment(env)
    assert found.transaction_per_migration
    assert found.settings == {"lock_timeout": "4s", "statement_timeout": "15min"}


def test_a_set_statement_in_env_py_counts(tmp_path):
    env = tmp_path / "env.py"
    env.write_text("connection.execute(text(\"SET lock_timeout TO '500ms'\"))\n")
    assert read_environment(env).settings == {"lock_timeout": "500ms"}


def test_what_env_py_computes_is_not_guessed(tmp_path):
    env = tmp_path / "env.py"
    env.write_text("context.configure(transaction_per_migration=settings.each)\n")
    assert not read_environment(env).transaction_per_migration


def test_a_missing_or_broken_env_py_says_nothing(tmp_path):
    assert read_environment(tmp_path / "env.py").settings == {}
    (tmp_path / "env.py").write_text("def broken(:\n")
    assert not read_environment(tmp_path / "env.py").transaction_per_migration


def test_a_path_may_begin_with_the_name_of_the_folder_that_is_searched(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "constants.py").touch()
    files = ProjectFiles(tmp_path / "elsewhere", (tmp_path / "shop",))
    assert files.holds("shop/constants.py")
    assert not files.holds("hop/constants.py")
