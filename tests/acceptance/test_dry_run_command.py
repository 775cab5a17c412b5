"""``sluicegate dry-run`` as people run it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluicegate.cli import run
from sluicegate.errors import ServerError
from sluicegate.pg.connect import connect
from sluicegate.pg.embedded import EmbeddedServer

PROJECTS = Path(__file__).resolve().parents[1] / "projects"


@pytest.fixture
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Enter a copy of a project."""

    def enter(project: str) -> Path:
        folder = tmp_path / project
        shutil.copytree(PROJECTS / project, folder)
        monkeypatch.chdir(folder)
        return folder

    return enter


def clones(server: EmbeddedServer) -> list[str]:
    with connect(server.url()) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^sluicegate_[0-9]'").fetchall()
    return [row[0] for row in rows]


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary servers keep their data: a folder that the server's own account can reach, too."""
    folder = Path(tempfile.mkdtemp(prefix="sluicegate-test-"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_by_default_it_uses_an_embedded_server_and_leaves_nothing(
    in_project, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_project("dryrun_refused")
    assert run(["dry-run", "--migrations", ".", "--rev", "0001", "--pg-version", "16"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("Dry run in a clone of what the earlier revisions build, on an embedded PostgreSQL 16.\n")
    assert list(scratch.iterdir()) == []


def test_json_holds_every_statement_with_its_place(
    in_project, server18: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    in_project("dryrun_refused")
    code = run(["dry-run", "--migrations", ".", "--database-url", server18.url(), "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert code == document["summary"]["exit_code"] == 1
    assert [(r["revision"], r["outcome"]) for r in document["revisions"]] == [
        ("0001", "ran"),
        ("0002", "refused"),
        ("0003", "not run"),
    ]
    refused = document["revisions"][1]["statements"][1]
    assert (refused["file"], refused["line"], refused["column"]) == ("versions/0002_drop.py", 11, 5)
    assert refused["sql"] == "ALTER TABLE t DROP COLUMN a"
    assert refused["observed"]["error"] == ("2BP01: cannot drop column a of table t because other objects depend on it")
    assert document["revisions"][1]["problem_line"] == 11
    assert clones(server18) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--in-transaction"], "--in-transaction needs a database."),
        (
            ["--in-transaction", "--database-url", "x", "--pg-version", "18"],
            "--pg-version chooses the embedded server, and --database-url names another.",
        ),
        (["--copy-database"], "--copy-database needs a database."),
        (
            ["--copy-database", "--in-transaction"],
            "--in-transaction tries the database itself and --copy-database a copy: choose one.",
        ),
        (
            ["--in-transaction", "--database-url", "x", "--schema", "schema.sql", "--at", "0001"],
            "--in-transaction uses the schema that the database has: leave --schema out.",
        ),
        (
            ["--in-transaction", "--database-url", "postgresql:///x", "--lock-timeout", "soon"],
            "lock_timeout='soon' (from --lock-timeout) is refused: it must be a duration in PostgreSQL's words",
        ),
        (["--schema", "schema.sql"], "--schema needs the revision that production is at."),
        (["--rev", "9999"], "Revision '9999': Can't locate revision identified by '9999'"),
        (
            ["--pg-version", "15"],
            "The embedded PostgreSQL comes as 16 and 18; 15 is not among them.",
        ),
    ],
)
def test_usage_errors_say_what_to_do(
    in_project, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    folder = in_project("dryrun_refused")
    (folder / "schema.sql").write_text("CREATE TABLE t (id int);")
    assert run(["dry-run", "--migrations", ".", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_policy_may_set_the_timeouts_and_nothing_else(in_project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = in_project("dryrun_refused")
    command = ["dry-run", "--migrations", ".", "--in-transaction", "--database-url", "postgresql://127.0.0.1:1/x"]
    (folder / "safety").mkdir()
    (folder / "safety" / "policy.toml").write_text('[dry-run]\nlock_timeout = "later"\n')
    assert run(command) == 2
    assert "lock_timeout='later' (from " in capsys.readouterr().err
    (folder / "safety" / "policy.toml").write_text('[dry-run]\npatience = "1s"\n')
    assert run(command) == 2
    error = capsys.readouterr().err
    assert "line 2: [dry-run] has no key 'patience'" in error
    assert "Accepted: lock_timeout, statement_timeout." in error


def test_a_revision_that_cannot_be_imported_is_not_judged(in_project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = in_project("dryrun_refused")
    (folder / "versions" / "0004_bad.py").write_text("import nosuchmodule\nrevision = '0004'\ndown_revision = '0003'\n")
    assert run(["dry-run", "--migrations", "."]) == 3
    assert capsys.readouterr().err == (
        "Error: versions/0004_bad.py:1 cannot be imported: ModuleNotFoundError: No module named 'nosuchmodule'\n"
        "  A dry run executes revisions for real, so what they import must be installed here.\n"
    )


def test_a_server_that_is_not_there_is_a_failure_of_the_run(in_project, capsys: pytest.CaptureFixture[str]) -> None:
    in_project("dryrun_refused")
    url = "postgresql://me:s3cr3t@127.0.0.1:1/app"
    assert run(["dry-run", "--migrations", ".", "--in-transaction", "--database-url", url]) == 4
    error = capsys.readouterr().err
    assert error.startswith("Error: Connecting to database app on 127.0.0.1:1 as me failed: ")
    assert "s3cr3t" not in error


def test_in_one_transaction_the_database_stays_as_it_is(
    in_project, database18: str, capsys: pytest.CaptureFixture[str]
) -> None:
    in_project("dryrun_shop")
    assert run(["dry-run", "--migrations", ".", "--in-transaction", "--database-url", database18]) == 0
    output = capsys.readouterr().out
    assert "Nothing changed: 30 system catalogs have the same fingerprint as before" in output
    with connect(database18) as connection:
        rows = connection.execute("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchall()
    assert rows == []


def test_a_copy_of_a_database_has_its_rows(in_project, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    in_project("dryrun_refused")
    with connect(database) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, NULL, 2)")
        connection.execute(
            "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0002')"
        )
    Path("versions/0003_after.py").write_text(
        "from alembic import op\nrevision = '0003'\ndown_revision = '0002'\n\n"
        "def upgrade():\n    op.alter_column('t', 'a', nullable=False)\n"
    )
    assert run(["dry-run", "--migrations", ".", "--copy-database", "--database-url", database]) == 1
    output = capsys.readouterr().out
    assert (
        'the server refused it at versions/0003_after.py:6: column "a" of relation "t" contains null values' in output
    )
    assert "prediction was wrong" not in output
    with connect(database) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)


def test_a_database_in_use_is_not_copied(in_project, database18: str, capsys: pytest.CaptureFixture[str]) -> None:
    in_project("dryrun_refused")
    with connect(database18):
        assert run(["dry-run", "--migrations", ".", "--copy-database", "--database-url", database18]) == 4
    assert "is being accessed by other users" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_stopped_in_the_middle_it_leaves_nothing(in_project, server18: EmbeddedServer, number: signal.Signals) -> None:
    in_project("dryrun_slow")
    command = [sys.executable, "-m", "sluicegate", "dry-run", "--migrations", ".", "--database-url", server18.url()]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        connect(server18.url()) as connection,
    ):
        deadline = time.monotonic() + 60
        while not connection.execute(
            "SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(120)%' AND state = 'active'"
        ).fetchall():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        assert len(clones(server18)) == 2
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
        assert clones(server18) == []
        assert connection.execute("SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)'").fetchall() == []
    assert process.returncode == 130
    assert error.strip() == "Stopped."


def test_stopped_in_the_middle_it_stops_its_own_server(in_project, scratch: Path) -> None:
    in_project("dryrun_slow")
    command = [sys.executable, "-m", "sluicegate", "dry-run", "--migrations", ".", "--pg-version", "18"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (markers := list(scratch.glob("sluicegate-pg18-*/data/postmaster.pid"))) or not _sleeps(markers[0]):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    server = int(markers[0].read_text().splitlines()[0])
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert list(scratch.iterdir()) == []
    deadline = time.monotonic() + 30
    while _runs(server):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Tell whether a process is alive; a dead one that its adoptive parent never reaps is not."""
    result = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state = result.stdout.strip()
    return bool(state) and not state.startswith("Z")


def _sleeps(marker: Path) -> bool:
    """Tell whether the slow statement runs on the server of this postmaster.pid."""
    try:
        with connect(f"postgresql://postgres@/postgres?host={marker.parent}") as connection:
            query = "SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(120)%' AND state = 'active'"
            return bool(connection.execute(query).fetchall())
    except ServerError:
        return False


def test_productions_schema_is_tried_from_its_position(in_project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = in_project("dryrun_shop")
    (folder / "schema.sql").write_text(
        "CREATE TABLE public.alembic_version (version_num character varying(32) NOT NULL);\n"
        "CREATE TABLE public.drafts (id integer NOT NULL);\nALTER TABLE public.drafts OWNER TO sluicegate_shop_owner;\n"
    )
    command = ["dry-run", "--migrations", ".", "--schema", "schema.sql", "--at", "0003", "--pg-version", "18"]
    assert run(command) == 0
    output = capsys.readouterr().out
    assert output.startswith("Dry run in a clone of schema.sql at 0003, on an embedded PostgreSQL 18.\n")
    assert "  roles created without login, as the schema names them: sluicegate_shop_owner\n" in output
    assert "1 revision, 1 statement: 1 as predicted.\n" in output


def test_the_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dry-run", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(re.search(rf"\b{code} [a-z]", text) for code in (0, 1, 2, 3, 4))
