"""`backfill check` asks everything in one pass, names the cure of each refusal and warning, and changes nothing."""

from __future__ import annotations

import json
import textwrap

import psycopg
import pytest

STALE = "INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 300); ANALYZE events, status;"


def verdicts(target, *arguments: str, exit_code: int = 0, **environment: str) -> dict[str, list[tuple[str, str, str]]]:
    """Run the check and return subject → (verdict, found, cure)."""
    process = target.process("check", "0003", "--format", "json", *arguments, **environment)
    assert process.returncode == exit_code, process.stderr
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in json.loads(process.stdout)["checks"]:
        found.setdefault(one["check"], []).append((one["verdict"], one["found"], one["cure"]))
    return found


def problems(found: dict[str, list[tuple[str, str, str]]]) -> list[tuple[str, str]]:
    """What is neither ok nor unknown, as (verdict, found)."""
    return [(v, f) for rows in found.values() for v, f, _cure in rows if v not in ("ok", "unknown")]


def test_a_database_that_is_ready_passes_every_check(target) -> None:
    target.sql(STALE)
    target.write_file()
    process = target.process("check", "0003", "--batch-size", "100")
    assert process.returncode == 0, process.stderr
    lines = [line.rstrip() for line in process.stdout.splitlines()]
    assert lines[0].split() == ["Verdict", "Check", "Found,", "and", "what", "to", "do"]
    said = [line for line in lines[1:-1] if "disk space" not in line and "transaction ids" not in line]
    assert [line for line in said if "ok " not in line and "→ Look there" not in line] == []
    assert lines[-1].startswith("Backfill 0003_status may start: 0 refused, 0 warned, ")
    assert target.value("SELECT count(*) FROM sluicegate.backfill") == 0


def test_everything_that_is_wrong_is_said_at_once_with_its_cure(target) -> None:
    target.sql("CREATE TABLE log (id bigint NOT NULL, at timestamptz, note text); CREATE TABLE gone (id bigint)")
    target.sql("CREATE ROLE lesser LOGIN; GRANT USAGE ON SCHEMA sluicegate TO lesser; GRANT SELECT ON log TO lesser")
    target.write_file(
        table="public.log",
        key="at",
        where="true",
        done="row.note IS NOT NULL",
        apply="UPDATE log AS l SET note = 'x' FROM {chunk} AS row, nowhere WHERE l.at = row.at",
    )
    policy = target.folder.parent / "policy.toml"
    policy.write_text('[target]\ndatabase = "production"\n[tables]\nappend_only = ["log"]\n')
    try:
        found = verdicts(
            target, "--policy", str(policy), exit_code=1, DATABASE_URL=target.url.replace("postgres@", "lesser@")
        )
    finally:
        target.sql("DROP OWNED BY lesser; DROP ROLE lesser")
    refused = {(s, f): c for s, rows in found.items() for v, f, c in rows if v == "refused"}
    name = target.connection.info.dbname
    tables = target.value(
        "SELECT string_agg(tablename, ', ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'sluicegate'"
    )
    assert refused == {
        ("key", "Key column at of public.log may be NULL, and a range walk never meets such rows."): (
            "Take a NOT NULL column as key, such as the primary key."
        ),
        (
            "key",
            (
                "Nothing makes (at) unique in public.log: rows that share a key at a chunk's edge would be left out or "
                "taken twice."
            ),
        ): "Add the primary key as the last key column: key=(…, 'id').",
        ("key index", "No index of public.log begins with (at), so every chunk would read the whole table."): (
            "Create one in a revision: CREATE INDEX CONCURRENTLY ON public.log (at)."
        ),
        ("database", f"This is database {name}; the policy says that backfills run in production."): (
            "Correct --database-url, or [target] database in the policy file."
        ),
        (
            "state schema",
            f"lesser may not read and write {tables} in schema sluicegate.",
        ): (
            'GRANT USAGE ON SCHEMA sluicegate TO "lesser"; '
            'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluicegate TO "lesser";'
        ),
        ("append-only", "apply does UPDATE on public.log, which the policy declares append-only."): (
            "Write to a sidecar table beside it, keyed like it, and leave its rows alone."
        ),
        ("privileges", "lesser lacks UPDATE on log."): "GRANT UPDATE ON log TO lesser;",
        ("tables", "The SQL names nowhere, and there is no such table on the search path."): (
            "Run the expand revision first (alembic current), or correct the name."
        ),
    }


def test_what_writing_sets_off_is_warned_of_with_its_cost(target) -> None:
    target.sql(
        textwrap.dedent("""
            CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER every_row BEFORE INSERT ON status FOR EACH ROW EXECUTE FUNCTION tell();
            CREATE TRIGGER after_update AFTER UPDATE ON status FOR EACH ROW EXECUTE FUNCTION tell();
            CREATE TRIGGER switched_off BEFORE INSERT ON status FOR EACH ROW EXECUTE FUNCTION tell();
            ALTER TABLE status DISABLE TRIGGER switched_off;
            ALTER TABLE status ADD CONSTRAINT status_event FOREIGN KEY (event_id) REFERENCES events;
            ALTER TABLE status ADD COLUMN v vector(3);
            CREATE INDEX status_v ON status USING hnsw (v vector_l2_ops);
            CREATE PUBLICATION everything FOR TABLE status;
        """)
    )
    target.sql(STALE)
    target.write_file()
    found = verdicts(target)
    assert problems(found) == [
        (
            "warning",
            (
                "Trigger every_row of status fires for each row and calls tell; a trigger that fires for each row "
                "makes writing several times slower, and what it sends or logs is sent and logged for every old row."
            ),
        ),
        (
            "warning",
            (
                "Foreign key status_event (event_id) of status locks a row of events for every row that is written: "
                "about a third of the speed and twice the WAL."
            ),
        ),
        (
            "warning",
            (
                "Index status_v (hnsw, 16 kB) of status gets an entry for every row that is written, changed or only "
                "moved: measured 100 times slower for rows of which the vector stays the same."
            ),
        ),
        (
            "warning",
            (
                "Publication everything sends every row that is written to status; subscribers that fall behind "
                "keep WAL on this server's disk."
            ),
        ),
    ]
    assert all(cure for rows in found.values() for verdict, _found, cure in rows if verdict != "ok")
    # A run says the same and goes on.
    process = target.process("run", "0003", SLEEP="0")
    assert process.returncode == 0
    assert "Trigger every_row of status fires for each row" in process.stderr


def test_an_update_of_an_indexed_column_and_a_publication_without_identity_are_noticed(target) -> None:
    target.sql("CREATE TABLE plain (id bigint NOT NULL, note text); CREATE UNIQUE INDEX ON plain (id)")
    target.sql("CREATE INDEX plain_note ON plain ((1)) WHERE note IS NULL; CREATE PUBLICATION p FOR TABLE plain")
    target.write_file(
        table="public.plain",
        where="true",
        done="row.note IS NOT NULL",
        apply="UPDATE plain AS p SET note = 'x' FROM {chunk} AS row WHERE p.id = row.id",
    )
    found = verdicts(target, exit_code=1)
    assert [(verdict, said) for verdict, said, _cure in found["indexes"] + found["publications"]] == [
        (
            "warning",
            (
                "UPDATE sets note, which index plain_note of plain holds: no row can stay on its page "
                "(no HOT update), so every index of the table gets an entry for every row."
            ),
        ),
        (
            "refused",
            "plain is published by p and has no replica identity, so the server refuses UPDATE and DELETE.",
        ),
    ]


def test_statistics_that_are_missing_or_stale_and_plans_that_read_whole_tables_are_noticed(target) -> None:
    target.sql(
        "ALTER TABLE events SET (autovacuum_enabled = false); ALTER TABLE status SET (autovacuum_enabled = false)"
    )
    target.write_file()
    assert [row[:2] for row in verdicts(target)["statistics"]] == [
        ("warning", "public.events has no statistics, so the server may plan chunks badly.")
    ]
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 100); ANALYZE events")
    target.sql("INSERT INTO events (payload) SELECT repeat('x', 120) FROM generate_series(1, 60000)")
    target.connection.execute("SELECT pg_stat_force_next_flush()")
    assert [row[:2] for row in verdicts(target)["statistics"]] == [
        ("warning", "60,100 rows of public.events changed since its statistics were collected.")
    ]
    target.write_file(done="row.id IN (SELECT s.event_id + 0 FROM status AS s)", where="true")
    target.sql("INSERT INTO status SELECT n, repeat('x', 120) FROM generate_series(1, 60000) n; ANALYZE events, status")
    assert verdicts(target, "--batch-size", "100")["plan"] == [
        (
            "warning",
            "Every chunk would read the whole of status (9800 kB), so the run slows down as it grows.",
            "ANALYZE status; if it stays so, join it by an indexed column that equals the key.",
        )
    ]


def test_row_security_on_a_table_that_done_reads_is_refused(target) -> None:
    target.sql("ALTER TABLE status ENABLE ROW LEVEL SECURITY; CREATE ROLE reader LOGIN")
    target.sql(
        "GRANT ALL ON ALL TABLES IN SCHEMA public, sluicegate TO reader; GRANT USAGE ON SCHEMA sluicegate TO reader"
    )
    target.write_file()
    try:
        found = verdicts(target, exit_code=1, DATABASE_URL=target.url.replace("postgres@", "reader@"))
    finally:
        target.sql("DROP OWNED BY reader; DROP ROLE reader")
    assert ("refused", "Row security hides rows of status from reader: done rows would look missing.") in [
        row[:2] for row in found["row security"]
    ]


def test_the_servers_own_words_are_shown_when_it_refuses_the_statement(target) -> None:
    target.sql("ANALYZE events, status")
    target.write_file(apply="INSERT INTO status (event_id, stat) SELECT row.id, 'x' FROM {chunk} AS row")
    assert problems(verdicts(target, exit_code=1))[-1] == (
        "refused",
        'The server refuses a chunk\'s statement: column "stat" of relation "status" does not exist (SQLSTATE 42703).',
    )
    process = target.process("run", "0003")
    assert process.returncode == 2
    assert process.stderr.startswith('Error: The server refuses a chunk\'s statement: column "stat" of relation')


@pytest.mark.parametrize("right", [True, False])
def test_the_policy_can_name_the_cluster(target, right: bool) -> None:
    [[identifier]] = target.sql("SELECT system_identifier FROM pg_control_system()")
    target.sql("ANALYZE events, status")
    target.write_file()
    policy = target.folder.parent / "policy.toml"
    policy.write_text(f'[target]\ncluster = "{identifier if right else 1}"\n')
    found = verdicts(target, "--policy", str(policy), exit_code=0 if right else 1)
    assert found["cluster"] == [
        ("ok", f"{identifier}, as the policy says.", "")
        if right
        else (
            "refused",
            f"This server is cluster {identifier}; the policy says 1.",
            "Correct --database-url, or [target] cluster in the policy file.",
        )
    ]


def test_an_unreachable_server_leaves_with_exit_code_4(target) -> None:
    target.write_file()
    assert target.process("check", "0003", DATABASE_URL="postgresql://127.0.0.1:1/x").returncode == 4


def test_nothing_is_left_open_or_locked(target) -> None:
    target.sql(STALE)
    target.write_file()
    with psycopg.connect(target.url) as other:
        other.execute("LOCK TABLE status IN ACCESS EXCLUSIVE MODE")
        process = target.process("check", "0003")
    assert process.returncode == 4
    assert "lock timeout" in process.stderr
