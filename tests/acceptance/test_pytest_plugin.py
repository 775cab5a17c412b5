"""The pytest plugin fails on a finding that nobody accepted, and on nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

REVISION = """\
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}


def upgrade():
    {body}


def downgrade():
    raise NotImplementedError
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an old finding in its baseline and one passing test."""
    root = tmp_path_factory.mktemp("plugin")
    (root / "migrations" / "versions").mkdir(parents=True)
    (root / "migrations" / "env.py").write_text("")
    (root / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (root / "safety").mkdir()
    (root / "safety" / "policy.toml").write_text('[session]\nlock_timeout = "2s"\n')
    write(root, "a1", None, 'op.create_table("events", sa.Column("id", sa.BigInteger, primary_key=True))')
    write(root, "b2", "a1", 'op.drop_table("events")')
    (root / "test_own.py").write_text("def test_own():\n    pass\n")
    subprocess.run([sys.executable, "-m", "sluicegate", "lint", "--write-baseline"], cwd=root, check=True)
    return root


@pytest.fixture
def project(template: Path, pytester: pytest.Pytester) -> Path:
    """A copy of it."""
    shutil.copytree(template, pytester.path, dirs_exist_ok=True)
    return pytester.path


def write(root: Path, revision: str, down: str | None, body: str) -> None:
    path = root / "migrations" / "versions" / f"{revision}.py"
    path.write_text(REVISION.format(revision=revision, down=down, body=body))


def judged(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments)


def test_it_passes_on_what_the_baseline_accepts(pytester, project):
    judged(pytester, "--sluicegate", "-v").stdout.fnmatch_lines(["*sluicegate PASSED*", "*2 passed*"])


def test_it_fails_on_a_new_finding_and_shows_the_report_alone(pytester, project):
    write(project, "c3", "b2", 'op.execute("ALTER TABEL users")')
    done = judged(pytester, "--sluicegate")
    done.stdout.fnmatch_lines(
        [
            "error[[]unreadable-sql] migrations/versions/c3.py:9:*",
            "3 revisions, 3 statements judged for PostgreSQL 16: 1 error, 1 in the baseline.",
            "*1 failed, 1 passed*",
        ]
    )
    done.stdout.no_fnmatch_line("*Traceback*")


def test_it_stays_away_until_it_is_asked_for(pytester, project):
    judged(pytester).stdout.fnmatch_lines(["*1 passed*"])


def test_it_runs_once_with_xdist_and_by_a_setting(pytester, project):
    pytester.makeini("[pytest]\nsluicegate = true\nsluicegate_arguments = --no-baseline\n")
    done = judged(pytester, "-n", "2")
    done.stdout.fnmatch_lines(["error[[]drop-table] migrations/versions/b2.py:9:*", "*1 failed, 1 passed*"])


def test_a_command_that_makes_no_sense_fails_with_its_words(pytester, project):
    pytester.makeini("[pytest]\nsluicegate = true\nsluicegate_arguments = --rev zz\n")
    judged(pytester).stdout.fnmatch_lines(["Error: --rev zz means no revision."])
