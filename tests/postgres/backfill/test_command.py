"""What people type and see: settings refused before any connection, tables, final lines, exit codes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sluicegate.cli import run


class Listener:
    """A port that counts who knocks, and answers nobody."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.knocks = 0
        self.url = f"postgresql://nobody@127.0.0.1:{self.socket.getsockname()[1]}/none?connect_timeout=2"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A counting port."""
    counting = Listener()
    yield counting
    counting.socket.close()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A folder with a backfill and a policy, in which commands are run."""
    monkeypatch.chdir(tmp_path)
    for name in ("BATCH_SIZE", "SLEEP", "DATABASE_URL", "SLUICEGATE_DATABASE_URL", "SLUICEGATE_LEASE"):
        monkeypatch.delenv(name, raising=False)

    def write(definition: str = "", policy: str = "") -> None:
        (tmp_path / "backfills").mkdir(exist_ok=True)
        (tmp_path / "safety").mkdir(exist_ok=True)
        (tmp_path / "safety" / "policy.toml").write_text(policy)
        (tmp_path / "backfills" / "0003_status.py").write_text(
            "from sluicegate import Backfill\n\n"
            "backfill = Backfill(\n"
            "    revision='0003', table='public.events', key='id', where='true', done='row.x',\n"
            "    apply='INSERT INTO status SELECT row.id FROM {chunk} AS row',\n"
            f"    {definition}\n"
            ")\n"
        )

    write()
    return write


SIZES = ["0", "-1", "100001", "1e4", "10k", "NaN", "", " 5 "]
SLEEPS = ["-1", "nan", "inf", "abc", "1e9"]
CASES = [("BATCH_SIZE", "batch-size", value) for value in SIZES] + [("SLEEP", "sleep", value) for value in SLEEPS]
RANGES = {
    "BATCH_SIZE": "a whole number from 1 to 100,000, in digits only",
    "SLEEP": "a number of seconds from 0 to 3,600, such as 0.5",
}


@pytest.mark.parametrize(("name", "flag", "value"), CASES)
@pytest.mark.parametrize("origin", ["flag", "flag with =", "environment", "definition", "policy"])
def test_a_bad_setting_is_refused_before_any_connection(
    workspace, listener, monkeypatch, capsys, origin: str, name: str, flag: str, value: str
) -> None:
    arguments = ["backfill", "run", "0003", "--database-url", listener.url]
    key = flag.replace("-", "_")
    shown = f"--{flag}"
    if origin == "flag":
        arguments += [f"--{flag}", value]
    elif origin == "flag with =":
        arguments += [f"--{flag}={value}"]
    elif origin == "environment":
        monkeypatch.setenv(name, value)
        shown = "environment"
    elif origin == "definition":
        workspace(definition=f"{key}={value!r},")
        shown = "backfills/0003_status.py:6"
    else:
        workspace(policy=f"[backfill]\n{key} = {value!r}\n".replace("''", '""'))
        shown = str(Path.cwd() / "safety" / "policy.toml")
    assert run(arguments) == 2
    assert capsys.readouterr().err == (
        f"Error: {name}={value!r} (from {shown}) is refused: it must be {RANGES[name]}.\n"
    )
    assert listener.knocks == 0


def test_verify_refuses_bad_settings_too(workspace, listener, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SLEEP", "nan")
    assert run(["backfill", "verify", "0003", "--database-url", listener.url]) == 2
    assert "SLEEP='nan' (from environment) is refused" in capsys.readouterr().err
    assert listener.knocks == 0


def test_a_good_setting_goes_on_to_connect(workspace, listener, capsys) -> None:
    assert run(["backfill", "run", "0003", "--batch-size", "5", "--database-url", listener.url]) == 4
    assert listener.knocks > 0


def test_without_a_database_the_names_of_the_variables_are_said(workspace, capsys) -> None:
    assert run(["backfill", "run", "0003"]) == 2
    assert capsys.readouterr().err == (
        "Error: No database is named.\n  Give --database-url, or set SLUICEGATE_DATABASE_URL or DATABASE_URL.\n"
    )


def test_an_append_only_table_is_protected_before_any_connection(workspace, listener, capsys) -> None:
    workspace(policy='[tables]\nappend_only = ["public.events"]\n')
    path = Path("backfills/0003_status.py")
    update = "UPDATE events SET x = true FROM {chunk} AS row WHERE events.id = row.id"
    path.write_text(path.read_text().replace("INSERT INTO status SELECT row.id FROM {chunk} AS row", update))
    assert run(["backfill", "run", "0003", "--database-url", listener.url]) == 2
    assert capsys.readouterr().err == (
        f"Error: backfills/0003_status.py: apply does UPDATE on public.events, which {Path.cwd()}/safety/policy.toml "
        "declares append-only.\n  Write to a sidecar table beside it, keyed like it, and leave its rows alone.\n"
    )
    assert listener.knocks == 0


def test_list_needs_no_database(workspace, capsys) -> None:
    assert run(["backfill", "list"]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "Backfill     Revision  Table          State",
        "0003_status  0003      public.events  unknown (no database was asked)",
    ]


def test_a_database_without_the_state_schema_says_what_to_do(target) -> None:
    target.sql("DROP SCHEMA sluicegate CASCADE")
    target.write_file()
    for verb in (["run", "0003"], ["verify", "0003"], ["status"], ["list"]):
        done = target.process(*verb)
        assert (done.returncode, done.stderr) == (
            2,
            (
                f"Error: Database {target.connection.info.dbname} has no schema sluicegate, in which backfills keep "
                "their progress.\n  Write its revision with: sluicegate init; then run: alembic upgrade head.\n"
            ),
        )


def test_the_whole_way_through_the_command_line(target) -> None:
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1719); ANALYZE events")

    listed = target.process("list")
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["Backfill", "Revision", "Table", "State", "Written", "Parked", "Verified"],
        ["0003_status", "0003", "public.events", "not", "started"],
    ]

    ran = target.process("run", "0003", "--batch-size", "500", "--sleep", "0")
    assert ran.returncode == 0
    assert ran.stdout == "Backfill 0003_status: finished, not verified.\nRows: 1719/1719 written\n"
    assert ran.stderr.splitlines()[-1] == "Next: sluicegate backfill verify 0003_status"

    shown = target.process("status", "0003_status")
    facts = {line[:14].rstrip(): line[14:].strip() for line in shown.stdout.splitlines()}
    assert {name: facts[name] for name in ("State", "Rows written", "Mark", "Upper bound", "Chunks done")} == {
        "State": "finished, not verified",
        "Rows written": "1,719",
        "Mark": "1719",
        "Upper bound": "1719",
        "Chunks done": "4 (1,719 rows)",
    }

    verified = target.process("verify", "0003")
    assert (verified.returncode, verified.stdout) == (
        0,
        "Rows: 1719/1719 written\nBackfill 0003_status: verified up to key 1719. Its gate is open.\n",
    )
    again = target.process("run", "0003")
    assert again.stdout == "Backfill 0003_status: verified. Nothing was left to do.\nRows: 1719/1719 written\n"
    assert target.process("status").stdout.split("\n")[1].split()[3:6] == ["verified", "1,719", "0"]


def test_parked_rows_leave_with_exit_code_1_and_are_shown_with_their_reasons(target) -> None:
    target.write_file(apply="INSERT INTO status SELECT row.id, 1 / (row.id - 3) FROM {chunk} AS row")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 10); ANALYZE events")
    ran = target.process("run", "0003")
    assert (ran.returncode, ran.stdout) == (
        1,
        "Backfill 0003_status: finished with parked rows.\nRows: 9/10 written\n",
    )
    assert ran.stderr.splitlines()[-2:] == [
        "0003_status: row 3 is parked: division by zero",
        "See which rows, and why: sluicegate backfill status 0003_status",
    ]
    assert "Parked: key 3: division by zero" in target.process("status", "0003").stdout.splitlines()
    verified = target.process("verify", "0003")
    assert (verified.returncode, verified.stdout) == (
        1,
        (
            "Rows: 9/10 written\n"
            "Backfill 0003_status: NOT verified; it is finished with parked rows.\n"
            "  missing: key 3: division by zero\n"
        ),
    )


def test_a_failed_run_says_how_much_is_written_and_leaves_with_exit_code_4(target) -> None:
    target.sql(
        "CREATE FUNCTION broken() RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = 'not here'; END $$"
    )
    target.write_file(apply="INSERT INTO status SELECT row.id, broken() FROM {chunk} AS row")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 10); ANALYZE events")
    ran = target.process("run", "0003")
    assert (ran.returncode, ran.stdout) == (4, "Backfill 0003_status: failed.\nRows: 0/10 written\n")
    assert ran.stderr == (
        "Error: Backfill 0003_status failed: not here (SQLSTATE 0A000). What was committed before stays, and it "
        "resumes there.\n"
        "  because: not here\n"
        "CONTEXT:  PL/pgSQL function broken() line 1 at RAISE\n"
        "  Correct the definition or the database. Then: sluicegate backfill run 0003_status\n"
    )


def test_a_statement_that_the_server_refuses_is_found_before_the_first_chunk(target) -> None:
    target.write_file(apply="INSERT INTO nowhere SELECT row.id FROM {chunk} AS row")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 10); ANALYZE events")
    ran = target.process("run", "0003")
    assert (ran.returncode, ran.stdout) == (2, "Backfill 0003_status: this run did not begin.\nRows: 0/10 written\n")
    assert ran.stderr == (
        "Error: Backfill 0003_status cannot start, for 2 reasons:\n"
        "  tables: The SQL names nowhere, and there is no such table on the search path.\n"
        "    Run the expand revision first (alembic current), or correct the name.\n"
        '  statement: The server refuses a chunk\'s statement: relation "nowhere" does not exist (SQLSTATE 42P01).\n'
        "    Correct the definition, or the schema.\n"
        "  See all checks with: sluicegate backfill check 0003_status\n"
    )


def test_sqlalchemys_urls_are_taken_too(target) -> None:
    target.write_file()
    url = target.url.replace("postgresql://", "postgresql+psycopg://")
    assert target.process("run", "0003", DATABASE_URL=url).returncode == 0


def test_a_table_without_statistics_is_pointed_out_and_analysed_on_request(target) -> None:
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 10)")
    hint = "public.events has no statistics, so the server may plan chunks badly; --analyze collects them first."
    assert hint in target.process("run", "0003").stderr
    assert hint not in target.process("run", "0003", "--analyze").stderr
    assert target.value("SELECT reltuples FROM pg_class WHERE relname = 'events'") == 10


def test_an_unreachable_server_is_named_without_its_password(workspace, capsys) -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/none"
    assert run(["backfill", "run", "0003", "--database-url", url]) == 4
    said = capsys.readouterr().err
    assert "127.0.0.1:1" in said
    assert "secret" not in said


def test_progress_in_a_log_is_a_line_now_and_then(target) -> None:
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1000); ANALYZE events")
    ran = target.process("run", "0003", "--batch-size", "100", "--sleep", "0")
    [line] = [line for line in ran.stderr.splitlines() if "rows written" in line]
    assert line.startswith("0003_status: 100 of 1,000 rows written, at key 100; ")


def test_a_crashed_run_is_not_shown_as_running(target) -> None:
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 100)")
    target.run(stop=lambda: bool(target.log.chunks), size=10)
    with psycopg.connect(target.url) as connection:
        connection.execute("UPDATE sluicegate.backfill SET state = 'running'")
    assert "stopped: no worker has given a sign of life" in target.process("status", "0003").stdout


def test_a_run_before_its_expand_revision_is_refused_and_says_which_revision_to_run(target) -> None:
    target.write_file(done="EXISTS (SELECT 1 FROM later AS l WHERE l.id = row.id)")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 10); ANALYZE events")
    ran = target.process("run", "0003")
    assert ran.returncode == 2
    assert "there is no such table on the search path.\n    Run the expand revision first" in ran.stderr


def test_a_throttle_that_a_run_would_refuse_is_refused_by_check(target, tmp_path) -> None:
    target.write_file()
    policy = tmp_path / "policy.toml"
    policy.write_text('[backfill.throttle]\noff = ["replica"]\n')
    ran = target.process("check", "0003", "--policy", str(policy))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "[backfill.throttle] off = ['replica'] is refused.\n  Accepted: a list of replicas, xmin," in ran.stderr
