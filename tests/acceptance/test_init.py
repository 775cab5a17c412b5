"""`sluicegate init` in a fresh Alembic project: written once, run by Alembic up and down, never overwritten."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from sluicegate.settings.policy import load_policy


def run(module: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Alembic or sluicegate in a folder."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def initialized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Alembic project as `alembic init` leaves it, reading its URL from the environment."""
    folder = tmp_path_factory.mktemp("initialized")
    assert run("alembic", folder, "init", "migrations").returncode == 0
    env = folder / "migrations" / "env.py"
    url = 'os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")'
    env.write_text(
        "import os\n"
        + env.read_text()
        .replace("config = context.config\n", f"config = context.config\nURL = {url}\n")
        .replace("config.get_section(config.config_ini_section, {})", '{"sqlalchemy.url": URL}')
        .replace('config.get_main_option("sqlalchemy.url")', "URL")
    )
    return folder


@pytest.fixture
def project(initialized: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(initialized, tmp_path, dirs_exist_ok=True)


def files(folder: Path) -> dict[str, str]:
    """Return every file of a folder with its text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def add_revision(project: Path, name: str, body: str, after: str | None) -> None:
    """Write a revision by hand."""
    (project / "migrations" / "versions" / f"{name}.py").write_text(
        f"from alembic import op\n\nrevision = {name!r}\ndown_revision = {after!r}\n\n\n"
        f"def upgrade():\n    {body}\n\n\ndef downgrade():\n    pass\n"
    )


def test_init_writes_what_alembic_then_runs_up_and_down(project: Path, database18: str) -> None:
    done = run("sluicegate", project, "init")
    assert (done.returncode, done.stderr) == (0, "")
    [revision] = (project / "migrations" / "versions").glob("*_sluicegate_state.py")
    identifier = revision.name.split("_")[0]
    assert done.stdout == (
        f"created  migrations/versions/{revision.name}\n"
        "created  backfills/README.md\n"
        "created  safety/policy.toml\n"
        "changed  alembic.ini: alembic revision lints what it writes\n"
        "\n"
        f"Next: review revision {identifier}, then run: alembic upgrade head\n"
    )
    assert load_policy(project / "safety" / "policy.toml").append_only == ()

    for direction in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head")):
        moved = run("alembic", project, *direction, DATABASE_URL=database18)
        assert moved.returncode == 0, moved.stderr
    with psycopg.connect(database18) as connection:
        assert connection.execute("SELECT sluicegate.schema_version()").fetchone() == (1,)


def test_init_changes_nothing_that_is_there(project: Path) -> None:
    (project / "safety").mkdir()
    (project / "safety" / "policy.toml").write_text("# ours\n")
    assert run("sluicegate", project, "init").returncode == 0
    before = files(project)
    again = run("sluicegate", project, "init")
    assert again.returncode == 0
    assert again.stdout.endswith("\nEverything was there already.\n")
    assert files(project) == before
    assert before["safety/policy.toml"] == "# ours\n"


def test_init_numbers_the_revision_like_its_neighbours_and_builds_on_the_head(project: Path) -> None:
    add_revision(project, "0007", "pass", None)
    done = run("sluicegate", project.parent, "init", str(project))
    assert done.returncode == 0, done.stderr
    written = (project / "migrations" / "versions" / "0008_sluicegate_state.py").read_text()
    assert "revision: str = '0008'" in written
    assert "down_revision: Union[str, Sequence[str], None] = '0007'" in written


def test_init_asks_which_head_when_there_are_several(project: Path) -> None:
    add_revision(project, "aaa", "pass", None)
    add_revision(project, "bbb", "pass", None)
    refused = run("sluicegate", project, "init")
    assert refused.returncode == 2
    assert refused.stderr == (
        "Error: The history has 2 heads: aaa, bbb.\n"
        "  Say on which one to build with --head, or merge them by giving --head for each.\n"
    )
    assert list(project.glob("backfills")) == []
    assert run("sluicegate", project, "init", "--head", "aaa", "--head", "bbb").returncode == 0
    heads = run("alembic", project, "heads", DATABASE_URL="postgresql://nowhere/x")
    assert len(heads.stdout.splitlines()) == 1


def test_init_reads_alembics_settings_from_pyproject(tmp_path: Path) -> None:
    assert run("alembic", tmp_path, "init", "--template", "pyproject", "migrations").returncode == 0
    (tmp_path / "alembic.ini").unlink()
    done = run("sluicegate", tmp_path, "init")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "migrations" / "versions").glob("*_sluicegate_state.py"))) == 1


def test_init_without_alembic_says_what_to_do(tmp_path: Path) -> None:
    refused = run("sluicegate", tmp_path, "init", ".")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"Error: There is no Alembic environment in {tmp_path}: neither alembic.ini nor [tool.alembic] in "
        "pyproject.toml.\n  Create one with: alembic init migrations; or name its configuration file with --config.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_gate_without_the_state_schema_says_so_instead_of_a_traceback(project: Path, database18: str) -> None:
    add_revision(project, "c1", 'op.require_backfill("0003")', None)
    refused = run("alembic", project, "upgrade", "head", DATABASE_URL=database18)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert (
        "The gate of backfill 0003 cannot be asked: the database has no schema sluicegate. Write its revision with: "
        "sluicegate init; and let this revision come after it."
    ) in refused.stdout + refused.stderr


def test_a_closed_gate_says_why_and_what_next_and_leaves_nothing(project: Path, database18: str) -> None:
    assert run("sluicegate", project, "init").returncode == 0
    head = run("alembic", project, "heads", DATABASE_URL=database18).stdout.split()[0]
    add_revision(project, "c1", 'op.execute("CREATE TABLE t ()")\n    op.require_backfill("0003")', head)
    assert run("alembic", project, "upgrade", head, DATABASE_URL=database18).returncode == 0
    refused = run("alembic", project, "upgrade", "head", DATABASE_URL=database18)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert (
        "The gate is closed: backfill 0003 has never run in this database. Schema sluicegate holds no backfill of that "
        "name or number. Run: sluicegate backfill run 0003. Run: sluicegate backfill verify 0003. Then run this "
        "revision again."
    ) in refused.stdout + refused.stderr
    with psycopg.connect(database18) as connection:
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)


def test_offline_the_gate_is_printed_as_sql(project: Path) -> None:
    add_revision(project, "c1", 'op.require_backfill("0003")', None)
    printed = run("alembic", project, "upgrade", "head", "--sql", DATABASE_URL="postgresql://nowhere/x")
    assert "SELECT sluicegate.require_backfill('0003');" in printed.stdout


def test_a_gate_with_a_name_that_could_not_be_one_is_refused(project: Path) -> None:
    add_revision(project, "c1", 'op.require_backfill("0003\'; DROP TABLE t")', None)
    refused = run("alembic", project, "upgrade", "head", "--sql", DATABASE_URL="postgresql://nowhere/x")
    assert refused.returncode != 0
    assert "give a backfill's number or name" in refused.stdout + refused.stderr
