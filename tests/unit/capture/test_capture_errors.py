"""A revision that awaits an error takes the way it would take on a server, where the history makes that certain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from capture_reading import statements

from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.capture.revisions import capture_history

Project = Callable[..., Path]
TABLE = "op.execute('CREATE TABLE t (id bigint PRIMARY KEY, a text)')"


def last(where: Path) -> CapturedRevision:
    return capture_history(where, version=16)[-1]


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("CREATE TABLE t (id bigint)", "42P07"),
        ("ALTER TABLE t ADD COLUMN a text", "42701"),
        ("ALTER TABLE t ADD CONSTRAINT t_pkey CHECK (true)", "42710"),
    ],
)
def test_what_exists_already_raises_the_drivers_error_inside_a_try(
    project: Project, statement: str, sqlstate: str
) -> None:
    where = project(
        one=TABLE,
        two=f"""
        try:
            with op.get_bind().begin_nested():
                op.execute({statement!r})
        except sa.exc.ProgrammingError as error:
            op.execute(f"COMMENT ON TABLE t IS '{{error.orig.sqlstate}}'")
        """,
    )
    revision = last(where)
    assert revision.mode is CaptureMode.RECORDED
    assert statements(revision)[-1] == f"COMMENT ON TABLE t IS '{sqlstate}'"
    assert statement not in statements(revision)


def test_after_an_error_without_a_savepoint_nothing_else_runs(project: Project) -> None:
    where = project(
        one=TABLE,
        two="""
        try:
            op.execute("CREATE TABLE t (id bigint)")
        except Exception:
            pass
        op.execute("ALTER TABLE t ADD COLUMN b text")
        """,
    )
    revision = last(where)
    assert revision.mode is CaptureMode.UNREADABLE
    assert revision.reason == (
        "upgrade() stops with InternalError: current transaction is aborted, commands ignored until end of transaction"
        " block"
    )


def test_without_a_try_a_refused_statement_is_recorded_for_the_judge(project: Project) -> None:
    revision = last(project(one=TABLE, two="op.execute('CREATE TABLE t (id bigint)')"))
    assert (revision.mode, statements(revision)) == (CaptureMode.RECORDED, ["CREATE TABLE t (id bigint)"])


@pytest.mark.parametrize("guard", ["contextlib.suppress(sa.exc.SQLAlchemyError)", "suppress(Exception)"])
def test_suppress_is_a_try(project: Project, guard: str) -> None:
    where = project(
        one=TABLE,
        two=f"""
        import contextlib
        from contextlib import suppress
        with {guard}, op.get_bind().begin_nested():
            op.execute("ALTER TABLE t ADD COLUMN a text")
        op.execute("ANALYZE t")
        """,
    )
    assert statements(last(where)) == ["SAVEPOINT sa_savepoint_1", "ROLLBACK TO SAVEPOINT sa_savepoint_1", "ANALYZE t"]


def test_what_is_missing_may_be_in_production_so_a_try_around_it_is_a_reason(project: Project) -> None:
    where = project(
        one="""
        try:
            op.execute("DROP TABLE made_by_hand")
        except Exception:
            op.execute("SELECT 1")
        """
    )
    revision = last(where)
    assert revision.mode is CaptureMode.PARTIAL
    assert revision.asked_in_vain
    assert statements(revision) == ["DROP TABLE made_by_hand"]
    assert revision.reason == (
        'a try awaits the error of a statement that seems to fail (table "made_by_hand" does not exist), and only the'
        " database knows whether it does"
    )


def test_alembics_own_table_holds_the_revisions_before(project: Project) -> None:
    where = project(
        one=TABLE,
        two="""
        for (version,) in op.get_bind().execute(sa.text("SELECT version_num FROM alembic_version")):
            op.execute(f"COMMENT ON TABLE t IS '{version}'")
        """,
    )
    revision = last(where)
    assert (revision.mode, statements(revision)[1:]) == (CaptureMode.RECORDED, ["COMMENT ON TABLE t IS 'one'"])


@pytest.mark.parametrize(
    ("question", "mode"),
    [
        ("SELECT setting FROM pg_settings WHERE name = 'server_version_num'", CaptureMode.RECORDED),
        ("SELECT current_setting('server_version_num')::int", CaptureMode.RECORDED),
        ("SHOW server_version_num", CaptureMode.RECORDED),
        ("SELECT setting FROM pg_settings WHERE name = 'max_connections'", CaptureMode.PARTIAL),
        ("SELECT count(*) FROM pg_settings", CaptureMode.PARTIAL),
    ],
)
def test_the_servers_settings_are_answered_where_they_are_known(
    project: Project, question: str, mode: CaptureMode
) -> None:
    where = project(
        one=f"""
        found = op.get_bind().execute(sa.text({question!r})).scalar()
        op.execute(f"SELECT '{{found}}'")
        """
    )
    revision = last(where)
    assert revision.mode is mode
    if mode is CaptureMode.RECORDED:
        assert statements(revision)[-1] == "SELECT '160000'"


def test_settings_made_in_a_do_block_are_in_force_behind_it_unless_a_branch_makes_them(project: Project) -> None:
    where = project(
        one="""
        op.execute("DO $$ BEGIN SET LOCAL lock_timeout = '2s'; PERFORM set_config('timezone', 'UTC', true);"
                   " IF now() > '2020-01-01' THEN SET LOCAL statement_timeout = '1s'; END IF; END $$")
        op.execute("SELECT 1")
        """
    )
    assert dict(last(where).statements[-1].settings) == {"lock_timeout": "2s", "timezone": "UTC"}


def test_a_table_that_an_unread_revision_would_have_made_names_that_revision(project: Project) -> None:
    where = project(
        one="raise NotImplementedError('Unsupported engine: postgresql')",
        two="""
        metadata = sa.MetaData()
        metadata.reflect(only=("renamed",), bind=op.get_bind())
        """,
    )
    first, second = capture_history(where, version=16)
    assert first.reason == "upgrade() stops with NotImplementedError: Unsupported engine: postgresql"
    assert str(second.reason).endswith("(renamed) (revision one before it could not be read)")


def test_rows_of_sql_that_no_server_accepts_are_not_known(project: Project) -> None:
    where = project(one="op.get_bind().execute(sa.text('SELECT `id` FROM t')).fetchall()")
    revision = last(where)
    assert revision.reason == "it reads rows that only the database has (SELECT `id` FROM t)"


def test_a_query_object_of_the_orm_can_be_executed_as_in_sqlalchemy_1(project: Project) -> None:
    where = project(
        one="""
        from sqlalchemy import orm
        class T(orm.declarative_base()):
            __tablename__ = "t"
            id = sa.Column(sa.Integer, primary_key=True)
        session = orm.Session(bind=op.get_bind())
        session.execute(session.query(T).filter(T.id > 5))
        """
    )
    assert statements(last(where)) == ["SELECT t.id FROM t WHERE t.id > 5"]
