"""sluicegate inside Alembic: `alembic revision` lints what it writes, and `alembic lint` judges the history."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NEW = """\
import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    op.drop_column("events", "kind")


def downgrade():
    raise NotImplementedError
"""
INI_HOOKS = "[post_write_hooks]\nhooks = black\nblack.type = exec\nblack.executable = true\n"


def run(module: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose template for new revisions drops a column."""
    assert run("alembic", tmp_path, "init", "migrations").returncode == 0
    first = tmp_path / "migrations" / "versions" / "a1_first.py"
    first.write_text(
        'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "a1"\ndown_revision = None\n\n\n'
        "def upgrade():\n"
        '    op.create_table("events", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("kind", sa.Text))\n'
        '\n\ndef downgrade():\n    op.drop_table("events")\n'
    )
    return tmp_path


def test_alembic_revision_lints_what_it_writes_after_init(project):
    done = run("sluicegate", project, "init")
    assert "changed  alembic.ini: alembic revision lints what it writes\n" in done.stdout
    (project / "migrations" / "script.py.mako").write_text(NEW)
    written = run("alembic", project, "revision", "-m", "drop kind", "--rev-id", "c3")
    assert written.returncode == 0, written.stderr
    assert "error[drop-column] migrations/versions/c3_drop_kind.py:9:5 (revision c3)\n" in written.stdout
    assert "1 revision, 1 statement judged" in written.stdout


def test_init_twice_changes_the_configuration_once(project):
    run("sluicegate", project, "init")
    text = (project / "alembic.ini").read_text()
    again = run("sluicegate", project, "init")
    assert again.stdout.endswith("\nEverything was there already.\n")
    assert (project / "alembic.ini").read_text() == text


def test_without_the_hook_the_configuration_stays_as_it_was(project):
    text = (project / "alembic.ini").read_text()
    assert run("sluicegate", project, "init", "--no-hook").returncode == 0
    assert (project / "alembic.ini").read_text() == text


def test_other_hooks_are_left_alone_and_ours_is_shown(project):
    ini = project / "alembic.ini"
    ini.write_text(ini.read_text().replace("[post_write_hooks]\n", INI_HOOKS))
    text = ini.read_text()
    done = run("sluicegate", project, "init")
    assert ini.read_text() == text
    assert (
        "\nalembic.ini has other write hooks. To lint new revisions, add this one to them:\n\n"
        "    hooks = sluicegate\n    sluicegate.type = console_scripts\n    sluicegate.entrypoint = sluicegate\n"
        "    sluicegate.options = lint REVISION_SCRIPT_FILENAME\n"
    ) in done.stdout


def test_a_project_in_pyproject_gets_its_hook_there(project):
    (project / "alembic.ini").unlink()
    (project / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "%(here)s/migrations"\n')
    done = run("sluicegate", project, "init")
    assert "changed  pyproject.toml: alembic revision lints what it writes\n" in done.stdout
    (project / "migrations" / "script.py.mako").write_text(NEW)
    written = run("alembic", project, "revision", "-m", "drop kind", "--rev-id", "c3")
    assert "error[drop-column] migrations/versions/c3_drop_kind.py:9:5" in written.stdout


def test_hooks_in_an_inline_array_are_left_alone(project):
    (project / "alembic.ini").unlink()
    text = (
        '[tool.alembic]\nscript_location = "migrations"\n'
        'post_write_hooks = [{name = "black", type = "exec", executable = "true"}]\n'
    )
    (project / "pyproject.toml").write_text(text)
    done = run("sluicegate", project, "init")
    assert (project / "pyproject.toml").read_text() == text
    assert "\n    [[tool.alembic.post_write_hooks]]\n" in done.stdout


def test_alembic_lint_judges_the_history_and_a_range(project):
    assert run("alembic", project, "lint").stdout == (
        "1 revision, 1 statement judged for PostgreSQL 16: nothing found.\n"
    )
    (project / "migrations" / "script.py.mako").write_text(NEW)
    run("alembic", project, "revision", "-m", "drop kind", "--rev-id", "c3")
    found = run("alembic", project, "lint", "-r", "a1:head")
    assert found.returncode == 1
    assert "error[drop-column]" in found.stdout
    assert run("alembic", project, "lint", "-r", "a1").returncode == 0


def test_alembic_lint_names_a_section_that_it_does_not_read(project):
    done = run("alembic", project, "-n", "other", "lint")
    assert done.returncode != 0
    assert "sluicegate reads the section [alembic], not [other]." in done.stdout + done.stderr
