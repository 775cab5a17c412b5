"""A dry run on a clone runs every revision for real, names the line, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sluicegate.dryrun.report import DryRun, Outcome
from sluicegate.dryrun.request import Request, Server
from sluicegate.dryrun.run import try_on_clone
from sluicegate.dryrun.upgrade import Environment
from sluicegate.effects.model import LockMode
from sluicegate.errors import CouldNotJudgeError, ExitCode, UsageError
from sluicegate.findings import Evidence
from sluicegate.pg.connect import connect

MakeRequest = Callable[..., Request]
PER_REVISION = Environment(transaction_per_migration=True)


def databases(server: Server) -> set[str]:
    with connect(server.url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()}


def test_every_line_is_reported_with_what_it_did(
    make_request: MakeRequest, place: Server, shown: Callable[[DryRun], str]
) -> None:
    before = databases(place)
    request = make_request("dryrun_shop", at=("0001",), environment=PER_REVISION)
    run = try_on_clone(request, place, None)
    assert shown(run) == SHOP
    assert run.exit_code is ExitCode.CLEAN
    assert databases(place) == before


def test_predictions_stand_beside_what_the_server_did(make_request: MakeRequest, place: Server) -> None:
    run = try_on_clone(make_request("dryrun_shop", environment=PER_REVISION), place, None)
    wrong = [str(d) for statement in run.statements() for d in statement.comparison.differences]
    assert wrong == []
    assert run.count(Evidence.CONTRADICTED) == 0
    assert run.count(Evidence.CONFIRMED) > 0


def test_a_transaction_for_all_revisions_holds_the_locks_of_the_earlier_ones(
    make_request: MakeRequest, place18: Server
) -> None:
    request = make_request("dryrun_shop", "0004", at=("0001",), predict=False)
    together = try_on_clone(request, place18, None).revisions[0].statements[0].observation
    assert together.effects.locks == {
        "public.drafts": LockMode.AccessExclusiveLock,
        "public.orders": LockMode.AccessExclusiveLock,
    }


def test_a_refused_statement_ends_the_run_at_its_line(
    make_request: MakeRequest, place: Server, shown: Callable[[DryRun], str]
) -> None:
    before = databases(place)
    run = try_on_clone(make_request("dryrun_refused", at=("0001",)), place, None)
    assert shown(run) == REFUSED
    assert run.exit_code is ExitCode.FINDINGS
    assert databases(place) == before


def test_a_revision_that_needs_rows_could_not_be_judged(make_request: MakeRequest, place18: Server) -> None:
    run = try_on_clone(make_request("dryrun_broken"), place18, None)
    (revision,) = run.revisions
    assert revision.outcome is Outcome.BROKEN
    assert revision.problem == "TypeError: 'NoneType' object is not subscriptable"
    assert revision.problem_location is not None
    assert (revision.problem_location.file, revision.problem_location.line) == (
        "dryrun_broken/versions/0001_read.py",
        12,
    )
    assert run.exit_code is ExitCode.COULD_NOT_JUDGE


def test_history_that_does_not_run_is_no_basis(make_request: MakeRequest, place18: Server) -> None:
    with pytest.raises(CouldNotJudgeError) as refusal:
        try_on_clone(make_request("dryrun_refused", "0003"), place18, None)
    assert refusal.value.message == (
        "dryrun_refused/versions/0002_drop.py:11: revision 0002, which comes before the ones to try, does not run: "
        "cannot drop column a of table t because other objects depend on it (view v depends on column a of table t)"
    )
    assert refusal.value.hint == "Start from production's schema instead: --schema FILE --at REVISION."


@pytest.mark.parametrize(
    ("driver", "outcome"), [("psycopg2", Outcome.RAN), ("asyncpg", Outcome.RAN), ("psycopg", Outcome.REFUSED)]
)
def test_a_commit_in_sql_does_what_the_projects_own_driver_makes_of_it(
    make_request: MakeRequest, place18: Server, driver: str, outcome: Outcome
) -> None:
    run = try_on_clone(make_request("dryrun_committing", "0001", driver=driver), place18, None)
    assert run.revisions[0].outcome is outcome


def test_the_gate_is_assumed_open_and_that_is_said(place18: Server, make_request: MakeRequest) -> None:
    run = try_on_clone(make_request("dryrun_gated", environment=PER_REVISION), place18, None)
    assert [revision.outcome for revision in run.revisions] == [Outcome.RAN, Outcome.RAN]
    assert run.revisions[1].statements[0].note == "gate assumed open in the clone"
    assert run.revisions[1].statements[1].sql == "ALTER TABLE t ALTER COLUMN a SET NOT NULL"
    assert run.exit_code is ExitCode.CLEAN


def test_what_would_change_a_server_of_others_is_not_run(
    make_request: MakeRequest, server18: object, place18: Server
) -> None:
    theirs = Server(place18.url, 18, ours=False, described="a server of others")
    run = try_on_clone(make_request("dryrun_server_wide"), theirs, None)
    statement = run.revisions[0].statements[0]
    assert statement.sql == "CREATE ROLE sluicegate_test_reader"
    assert statement.note == "not run: it would change the server, not the clone"
    assert run.exit_code is ExitCode.COULD_NOT_JUDGE
    with connect(place18.url) as connection:
        row = connection.execute("SELECT FROM pg_roles WHERE rolname = 'sluicegate_test_reader'").fetchone()
    assert row is None


def test_raw_cursors_and_the_orm_are_seen_too(make_request: MakeRequest, place18: Server) -> None:
    run = try_on_clone(make_request("dryrun_raw"), place18, None)
    assert [(s.location.line, s.sql) for s in run.statements()] == [
        (17, "CREATE TABLE t (id int, name text)"),
        (19, "INSERT INTO t VALUES (1, 'it''s 100%')"),
        (20, "INSERT INTO t VALUES (2, 'b')"),
        (22, "SELECT count(*) AS count_1"),
        (23, "DELETE FROM t WHERE t.id = 1::INTEGER"),
    ]
    assert run.exit_code is ExitCode.CLEAN


def test_a_revision_cannot_reach_another_database(make_request: MakeRequest, place18: Server) -> None:
    run = try_on_clone(make_request("dryrun_own_connection"), place18, None)
    (revision,) = run.revisions
    assert revision.outcome is Outcome.BROKEN
    assert revision.problem == (
        "the revision opens a connection of its own, to database production; a dry run only follows op.get_bind()"
    )
    assert revision.problem_location is not None
    assert revision.problem_location.line == 13


def test_revisions_are_selected_by_id_range_and_position(make_request: MakeRequest) -> None:
    scripts = make_request("dryrun_shop").scripts
    assert scripts.select((), ()) == ("0001", "0002", "0003", "0004")
    assert scripts.select(("0002",), ()) == ("0003", "0004")
    assert scripts.select((), ("0002:0003",)) == ("0003",)
    assert scripts.select((), (":0002", "0004")) == ("0001", "0002", "0004")
    assert scripts.select((), ("0003:",)) == ("0004",)
    with pytest.raises(UsageError, match=r"^--rev 0001 asks for 0001, which the database already has\.$"):
        scripts.select(("0002",), ("0001",))
    with pytest.raises(UsageError, match=r"^Revision '9999': "):
        scripts.select((), ("9999",))
    with pytest.raises(UsageError, match=r"^--rev 0002:0001 selects no revision\.$"):
        scripts.select((), ("0002:0001",))


SHOP = """\
Dry run in a clone of what the earlier revisions build, on the test's server.

Revision 0002: Widen the totals, and require them.
dryrun_shop/versions/0002_widen.py
   line  statement                                what it did                                     time  verdict
     15  SET LOCAL lock_timeout = '5s'                                                               …
     16  ALTER TABLE orders ALTER COLUMN total    ACCESS EXCLUSIVE on public.orders: reads           …  as predicted
         TYPE BIGINT                              and writes wait
                                                  rewrites public.orders: a column's type
                                                  changes
                                                  builds every index of public.orders
17 → 11  ALTER TABLE orders ALTER COLUMN total    ACCESS EXCLUSIVE on public.orders: held            …  as predicted
         SET NOT NULL                             since an earlier statement
                                                  reads all of public.orders
     18  ALTER TABLE orders ALTER COLUMN note     ACCESS EXCLUSIVE on public.orders: held            …  as predicted
         TYPE TEXT                                since an earlier statement
     19  INSERT INTO customers (id, email)        sent for 2 rows, the first is shown                …  as predicted
         VALUES (1::INTEGER,                      ROW EXCLUSIVE on public.customers: reads
         'a@example.org'::VARCHAR)                and writes go on; index builds and
                                                  schema changes wait

Revision 0003: Find orders by customer.
dryrun_shop/versions/0003_index.py
line  statement                                  what it did                                      time  verdict
  11  CREATE INDEX CONCURRENTLY                  SHARE UPDATE EXCLUSIVE on public.orders:            …  as predicted
      ix_orders_customer ON orders               reads and writes go on; schema changes
      (customer_id)                              and VACUUM wait
                                                 reads all of public.orders
                                                 builds an index of public.orders
                                                 runs outside a transaction block
  12  ALTER TABLE orders ADD CONSTRAINT          ACCESS EXCLUSIVE on public.orders: reads            …  as predicted
      total_positive CHECK (total > 0) NOT       and writes wait
      VALID

Revision 0004: Drop the drafts.
dryrun_shop/versions/0004_drop.py
line  statement          what it did                                                     time  verdict
  10  DROP TABLE drafts  ACCESS EXCLUSIVE on public.drafts: reads and writes wait           …  as predicted
                         ACCESS EXCLUSIVE on public.orders: reads and writes wait

3 revisions, 7 statements: 7 as predicted.
"""
REFUSED = """\
Dry run in a clone of what the earlier revisions build, on the test's server.

Revision 0002: Drop two columns.
dryrun_refused/versions/0002_drop.py
line  statement                    what it did                                                    time  verdict
  10  ALTER TABLE t DROP COLUMN b  ACCESS EXCLUSIVE on public.t: reads and writes wait               …  as predicted
  11  ALTER TABLE t DROP COLUMN a  refused: cannot drop column a of table t because other            …  as predicted
                                   objects depend on it (SQLSTATE 2BP01)
  the server refused it at dryrun_refused/versions/0002_drop.py:11: cannot drop column a of table t because other
  objects depend on it (view v depends on column a of table t) (SQLSTATE 2BP01)

Revision 0003: Add a column.
dryrun_refused/versions/0003_after.py
  not run: revision 0002 stopped the run

2 revisions, 2 statements: 2 as predicted. Not through: 0002 (refused), 0003 (not run).
"""
