"""Revisions that ask what a recording cannot answer are run on a real server, and never pass for more than that."""

from __future__ import annotations

import textwrap
from pathlib import Path

import psycopg
import pytest

from sluicegate.capture.live import Live
from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.capture.revisions import capture_history
from sluicegate.dryrun.live import LiveDatabase
from sluicegate.pg.embedded import EmbeddedServer

SETTING_UP = """
op.create_table("seeded", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
op.create_table("empty", sa.Column("id", sa.Integer, primary_key=True))
op.execute("INSERT INTO seeded (name) VALUES ('one'), ('two')")
"""


def written(folder: Path, **bodies: str) -> Path:
    """Write an Alembic project whose revisions follow each other."""
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    (folder / "versions").mkdir()
    before: str | None = None
    for name, body in {"setting_up": SETTING_UP, **bodies}.items():
        (folder / "versions" / f"{name}.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {before!r}\n\n\n"
            f"def upgrade():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        )
        before = name
    return folder


def captured(
    server: EmbeddedServer, project: Path, *, schema: str | None = None, seconds: float = 60.0, timeout: float = 20.0
) -> dict[str | None, CapturedRevision]:
    """Capture a project, live where recording it left questions open."""
    recorded = capture_history(project, version=server.version, timeout=timeout)
    wanted = [str(revision.revision) for revision in recorded if revision.asked_in_vain]
    database = LiveDatabase(server.url(), settings={})
    try:
        database.prepare(schema)
        live = Live(recorded, wanted, database, seconds)
        history = capture_history(project, version=server.version, timeout=timeout, live=live)
    finally:
        database.close()
    return {revision.revision: revision for revision in history}


def sql_of(revision: CapturedRevision) -> list[str]:
    return [" ".join(statement.sql.split()) for statement in revision.statements]


def test_what_the_history_itself_wrote_is_read_back_and_the_loop_runs(server: EmbeddedServer, tmp_path: Path) -> None:
    project = written(
        tmp_path,
        loop="""
        for row in op.get_bind().execute(sa.text("SELECT name FROM seeded WHERE name > :least"), {"least": "a"}):
            op.execute(f"ALTER TABLE seeded ADD COLUMN {row.name} text")
        """,
        after="op.drop_column('seeded', 'one')",
    )
    history = captured(server, project)
    assert history["loop"].mode is CaptureMode.LIVE
    assert history["loop"].reasons == ()
    assert sql_of(history["loop"])[1:] == [
        "ALTER TABLE seeded ADD COLUMN one text",
        "ALTER TABLE seeded ADD COLUMN two text",
    ]
    numbers = {statement.transaction for revision in history.values() for statement in revision.statements}
    assert len(numbers) == 1, "all pending revisions still share one transaction"
    assert [statement.location.line for statement in history["loop"].statements] == [10, 11, 11]


def test_a_loop_over_no_rows_stays_partial_with_that_reason(server16: EmbeddedServer, tmp_path: Path) -> None:
    project = written(
        tmp_path,
        loop="""
        for row in op.get_bind().execute(sa.text("SELECT id FROM empty")):
            op.drop_table("seeded")
        """,
        count="""
        if op.get_bind().scalar(sa.text("SELECT count(*) FROM empty")):
            op.drop_table("seeded")
        """,
        filtered="""
        if op.get_bind().scalar(sa.text("SELECT id FROM seeded WHERE name = 'three'")):
            op.drop_table("seeded")
        """,
    )
    history = captured(server16, project)
    for name, query in {"loop": "SELECT id FROM empty", "count": "SELECT count(*) FROM empty"}.items():
        assert history[name].mode is CaptureMode.PARTIAL
        assert history[name].reason == f"it reads rows that only the database has ({query})"
    assert history["filtered"].mode is CaptureMode.PARTIAL
    assert history["filtered"].reason == (
        "it reads rows that only production has, and an embedded server ran it without them"
        " (SELECT id FROM seeded WHERE name = 'three')"
    )


def test_the_servers_own_catalogs_settle_a_question_and_what_other_servers_hold_does_not(
    server16: EmbeddedServer, tmp_path: Path
) -> None:
    asking = """
        found = op.get_bind().execute(sa.text({!r})).fetchall()
        for row in found:
            op.execute("COMMENT ON TABLE empty IS 'found'")
        """
    project = written(
        tmp_path,
        described=asking.format(
            "SELECT relname FROM pg_class WHERE relname = 'empty' AND obj_description(oid, 'pg_class') IS NULL"
        ),
        statistics=asking.format("SELECT relname FROM pg_stat_user_tables WHERE relname ~ '^emp'"),
        estimates=asking.format("SELECT relname FROM pg_class WHERE reltuples > 1000000"),
    )
    history = captured(server16, project)
    assert history["described"].mode is CaptureMode.LIVE
    assert sql_of(history["described"])[-1] == "COMMENT ON TABLE empty IS 'found'"
    assert history["statistics"].mode is CaptureMode.PARTIAL
    assert history["estimates"].mode is CaptureMode.PARTIAL


def test_a_revision_that_fails_live_keeps_what_was_recorded_and_gives_both_reasons(
    server16: EmbeddedServer, tmp_path: Path
) -> None:
    project = written(
        tmp_path,
        fails="""
        op.get_bind().execute(sa.text("SELECT name FROM seeded WHERE false")).fetchall()
        op.execute("ALTER TABLE seeded ADD COLUMN more text")
        op.execute("ALTER TABLE nowhere ADD COLUMN more text")
        """,
        after="""
        for row in op.get_bind().execute(sa.text("SELECT more FROM seeded")):
            op.execute("COMMENT ON TABLE seeded IS 'built from what was recorded'")
        """,
    )
    history = captured(server16, project)
    assert history["fails"].mode is CaptureMode.PARTIAL
    assert [text for text, _ in history["fails"].reasons] == [
        "it reads rows that only the database has (SELECT name FROM seeded WHERE false)",
        'on an embedded server, upgrade() stops with ProgrammingError: relation "nowhere" does not exist',
    ]
    assert len(history["fails"].statements) == 3
    assert history["after"].mode is CaptureMode.LIVE
    assert sql_of(history["after"])[1:] == ["COMMENT ON TABLE seeded IS 'built from what was recorded'"] * 2


def test_a_refused_statement_takes_the_way_of_the_except(server16: EmbeddedServer, tmp_path: Path) -> None:
    project = written(
        tmp_path,
        tries="""
        bind = op.get_bind()
        bind.execute(sa.text("SELECT name FROM seeded")).fetchall()
        try:
            with bind.begin_nested():
                op.execute("ALTER TABLE nowhere ADD COLUMN x text")
        except sa.exc.ProgrammingError as error:
            assert error.orig.sqlstate == "42P01"
            op.execute("CREATE TABLE nowhere (id bigint PRIMARY KEY)")
        """,
    )
    history = captured(server16, project)
    assert history["tries"].mode is CaptureMode.LIVE
    assert sql_of(history["tries"])[-1] == "CREATE TABLE nowhere (id bigint PRIMARY KEY)"


def test_no_text_of_a_revision_reaches_files_or_programs_through_the_server(
    server16: EmbeddedServer, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    project = written(
        tmp_path,
        program=f"""
        op.get_bind().execute(sa.text("SELECT name FROM seeded WHERE false")).fetchall()
        op.execute("DO $$ BEGIN EXECUTE 'COPY seeded TO PROGRAM ''touch {mark}'''; END $$")
        """,
        reads="""
        op.get_bind().execute(sa.text("SELECT pg_read_file('postgresql.conf')")).fetchall()
        """,
    )
    history = captured(server16, project)
    assert not mark.exists()
    assert "permission denied to COPY to or from an external program" in str(history["program"].more_reasons[-1][0])
    assert "permission denied for function pg_read_file" in str(history["reads"].more_reasons[-1][0])


def test_a_revision_that_hangs_is_ended_and_the_ones_behind_it_still_run(
    server16: EmbeddedServer, tmp_path: Path
) -> None:
    loop = """
        for row in op.get_bind().execute(sa.text("SELECT name FROM seeded")):
            {}
        """
    project = written(
        tmp_path,
        hangs=loop.format("while True: pass"),
        after=loop.format("op.execute('COMMENT ON TABLE seeded IS NULL')"),
    )
    history = captured(server16, project, timeout=2.0)
    assert [text for text, _ in history["hangs"].reasons] == [
        "it reads rows that only the database has (SELECT name FROM seeded)",
        "on an embedded server, upgrade() takes longer than 2 s and was stopped",
    ]
    assert history["after"].mode is CaptureMode.LIVE


def test_without_time_a_revision_stays_as_it_was_recorded(server16: EmbeddedServer, tmp_path: Path) -> None:
    project = written(tmp_path, asks="op.get_bind().execute(sa.text('SELECT name FROM seeded')).fetchall()")
    history = captured(server16, project, seconds=-1.0)
    assert [text for text, _ in history["asks"].reasons] == [
        "it reads rows that only the database has (SELECT name FROM seeded)",
        "there was no time left of the -1 s to run it on a real server",
    ]


@pytest.mark.parametrize("name", ["databases", "roles"])
def test_nothing_stays_behind_on_the_server(server16: EmbeddedServer, tmp_path: Path, name: str) -> None:
    project = written(tmp_path, asks="op.get_bind().execute(sa.text('SELECT name FROM seeded')).fetchall()")
    questions = {
        "databases": "SELECT count(*) FROM pg_database WHERE datname LIKE 'sluicegate%'",
        "roles": "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'sluicegate_live%'",
    }
    with psycopg.connect(server16.url()) as connection:
        before = connection.execute(questions[name].encode()).fetchone()
        captured(server16, project)
        assert connection.execute(questions[name].encode()).fetchone() == before
