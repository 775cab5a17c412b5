"""A run outlives its primary: it goes on where writes are taken, and writes nothing where they are not kept."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from backfill_target import Target
from replication import Pair, eventually, replicated

from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.retry import Backoff
from sluicegate.backfill.session import WorkerSession, open_session
from sluicegate.backfill.states import RunState
from sluicegate.errors import ServerError
from sluicegate.pg import embedded

OUTAGE = Backoff(first=0.1, longest=0.5, attempts=2000)


def prepared(pair: Pair, tmp_path: Path, rows: int = 400) -> Target:
    """A target on the primary, with rows, that the replica has too."""
    target = Target(pair.primary.url("postgres"), tmp_path / "backfills")
    target.install()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, %s)", rows)
    target.sql("ANALYZE events")
    pair.caught_up()
    return target


def told(target: Target, words: str) -> bool:
    """Whether the run has tried something again for a reason with these words."""
    return any(words in reason for reason in list(target.log.retries))


def run_through(target: Target, url: str, after: int, breaking: Callable[[], None], **changes: Any) -> engine.Outcome:
    """Run, and break something from another thread once so many chunks are written."""
    thread = threading.Thread(target=breaking)

    def after_chunk() -> None:
        if len(target.log.chunks) == after:
            thread.start()

    target.log.after_chunk = after_chunk
    around = target.around(outage=OUTAGE, sleep=lambda seconds: time.sleep(min(seconds, 0.05)), **changes)
    try:
        return engine.run(target.loaded(), url, Pace(10, 0.05, 30), around)
    finally:
        thread.join()


def test_a_run_goes_on_with_the_promoted_replica(tmp_path: Path) -> None:
    with replicated() as pair, contextlib.closing(prepared(pair, tmp_path)) as target:

        def fail_over() -> None:
            pair.primary.stop("immediate")
            pair.promote()

        outcome = run_through(target, pair.url("postgres"), 8, fail_over)
        assert outcome.state is RunState.FINISHED
        target.url = pair.replica.url("postgres")
        target.reconnect()
        assert target.missing() == target.doubles() == 0
        assert target.value("SELECT count(*) FROM status") == 400
        assert target.log.retries

        # The old primary comes back as if nothing had happened: what was written to it is not where the run goes on.
        embedded.start(pair.primary.data, 18, settings={"fsync": "off"})
        session = WorkerSession(
            pair.replica.url("postgres"),
            "0003_status",
            owner="test",
            lease_seconds=30,
            batch_size=10,
            around=target.around(outage=Backoff(first=0.01, longest=0.01, attempts=2)),
        )
        session._open = lambda: open_session(pair.primary.url("postgres"), "0003_status", 30)
        with pytest.raises(ServerError, match="left behind by a failover: its timeline is 1, and was 2 before"):
            session.reconnect()


def test_an_address_that_leads_to_a_standby_for_a_while_is_waited_for(tmp_path: Path) -> None:
    with replicated() as pair, contextlib.closing(prepared(pair, tmp_path)) as target:
        address = pair.folder / "address"
        address.symlink_to(pair.primary.socket)

        def fail_over() -> None:
            pair.primary.stop("immediate")
            address.unlink()
            address.symlink_to(pair.replica.socket)
            eventually(lambda: told(target, "it is a standby"))
            pair.promote()

        outcome = run_through(target, f"postgresql://postgres@/postgres?host={address}", 8, fail_over)
        assert outcome.state is RunState.FINISHED
        assert any("takes no writes now: it is a standby" in reason for reason in target.log.retries)
        target.url = pair.replica.url("postgres")
        target.reconnect()
        assert target.missing() == target.doubles() == 0


def test_an_administrator_s_kill_and_a_full_server_are_waited_for(target: Target) -> None:
    role = f"app_{target.value('SELECT oid FROM pg_database WHERE datname = current_database()')}"
    target.sql(f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA sluicegate, public TO {role}")
    target.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA sluicegate, public TO {role}")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 200)")
    target.sql("ANALYZE events")

    def fill_up() -> None:
        with psycopg.connect(target.url, autocommit=True) as admin:
            admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
            eventually(lambda: told(target, "too many connections for role"))
            admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")

    try:
        url = target.url.replace("postgres@", f"{role}@", 1)
        outcome = run_through(target, url, 4, fill_up)
        assert outcome.state is RunState.FINISHED
        assert target.missing() == target.doubles() == 0
        said = "\n".join(target.log.retries)
        assert "too many connections for role" in said
    finally:
        target.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_serialization_failure_is_tried_again(target: Target) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 50)")
    target.sql("ANALYZE events")
    name = target.connection.info.dbname
    target.sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    loaded = target.loaded(
        where="true",
        done="row.payload = 'done'",
        apply="UPDATE events AS e SET payload = 'done' FROM (SELECT row.id, pg_sleep(0.5) FROM {chunk} AS row LIMIT 1)"
        " AS first, (SELECT row.id FROM {chunk} AS row) AS row WHERE e.id = row.id",
    )

    def change() -> None:
        target.wait_until("EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        target.sql("UPDATE events SET payload = 'changed' WHERE id = 7")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        outcome = target.run(loaded)
    finally:
        thread.join()
    assert outcome.state is RunState.FINISHED
    assert any("could not serialize access" in reason for reason in target.log.retries)
    assert target.value("SELECT count(*) FROM events WHERE payload <> 'done'") == 0


def test_a_read_only_database_is_refused_with_the_reason(target: Target) -> None:
    target.sql("INSERT INTO events (payload) VALUES ('x')")
    name = target.connection.info.dbname
    target.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(ServerError, match="The session is read-only"):
        target.run()


def test_a_statement_that_runs_into_its_timeout_is_tried_in_halves(target: Target) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 40)")
    target.sql("ANALYZE events")

    def cancel() -> None:
        # The server's answer to statement_timeout and to a cancelled statement is the same: SQLSTATE 57014.
        sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        target.wait_until(f"EXISTS (SELECT 1 {sleeping})")
        target.sql(f"SELECT pg_cancel_backend(pid) {sleeping}")

    slow = target.loaded(apply="INSERT INTO status SELECT row.id, pg_sleep(0.02)::text FROM {chunk} AS row")
    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        outcome = target.run(slow)
    finally:
        thread.join()
    assert outcome.state is RunState.FINISHED
    assert target.log.chunks == [20, 20]
    assert target.missing() == target.doubles() == 0
