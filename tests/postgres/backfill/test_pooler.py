"""Everything works behind PgBouncer in transaction pooling, and leaves nothing in the sessions it borrowed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from backfill_target import Target

from sluicegate.backfill import engine
from sluicegate.backfill.definition import Apply
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.session import open_session
from sluicegate.backfill.states import RunState
from sluicegate.errors import ServerError
from sluicegate.pg import embedded
from sluicegate.pg.connect import connect
from sluicegate.settings.throttle import Limits

PGBOUNCER = os.environ.get("SLUICEGATE_PGBOUNCER") or shutil.which("pgbouncer")

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None,
    reason="pgbouncer is not installed (apt-get install pgbouncer), nor named by SLUICEGATE_PGBOUNCER",
)


@pytest.fixture
def pooled(target: Target) -> Iterator[Target]:
    """The target as it is seen through PgBouncer, with two sessions for everybody."""
    info = target.connection.info
    with tempfile.TemporaryDirectory(prefix="sluicegate-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "users.txt").write_text('"postgres" ""\n')
        (folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"{info.dbname} = host={info.host} port={info.port} user=postgres\n"
            "[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nlogfile = \n"
        )
        account = embedded._account()
        process = subprocess.Popen(
            [str(PGBOUNCER), "-q", str(folder / "pgbouncer.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        url = f"postgresql://postgres@127.0.0.1:{port}/{info.dbname}"
        try:
            for _ in range(200):
                with contextlib.suppress(psycopg.OperationalError):
                    psycopg.connect(url).close()
                    break
                assert process.poll() is None, "pgbouncer ended at once"
                time.sleep(0.05)
            with contextlib.closing(Target(target.url, target.folder)) as seen:
                seen.url = url
                yield seen
        finally:
            process.terminate()
            process.wait()


def fill(target: Target, rows: int = 500) -> None:
    """Add rows that are owed work."""
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, %s)", rows)
    target.sql("ANALYZE events")


def leftovers(target: Target) -> list[str]:
    """What the sessions that the pooler keeps have set: asked of both at once."""
    found: list[str] = []
    with psycopg.connect(target.url) as one, psycopg.connect(target.url) as two:
        for connection in (one, two):
            rows = connection.execute(
                "SELECT name FROM pg_settings WHERE source = 'session' AND name IN"
                " ('lock_timeout', 'statement_timeout', 'jit', 'bytea_output', 'synchronous_commit', 'enable_seqscan',"
                " 'idle_in_transaction_session_timeout')"
            ).fetchall()
            found += [name for (name,) in rows]
            found += [name for (name,) in connection.execute("SELECT name FROM pg_prepared_statements").fetchall()]
    return found


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_a_run_behind_a_transaction_pooler_does_its_work_and_leaves_no_setting_behind(
    pooled: Target, pause: float
) -> None:
    fill(pooled)
    around = pooled.around()
    outcome = engine.run(pooled.loaded(), pooled.url, Pace(20, pause, 1), around, limits=Limits(interval=0.1))
    assert outcome.state is RunState.FINISHED
    assert pooled.log.retries == []
    assert pooled.missing() == pooled.doubles() == 0
    assert pooled.verify().verified
    assert leftovers(pooled) == []


def test_two_workers_share_the_work_and_the_pool(pooled: Target) -> None:
    fill(pooled)
    outcomes: list[RunState] = []

    def work() -> None:
        outcomes.append(engine.run(pooled.loaded(), pooled.url, Pace(10, 0.01, 2), pooled.around()).state)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outcomes == [RunState.FINISHED, RunState.FINISHED]
    assert pooled.missing() == pooled.doubles() == 0
    assert leftovers(pooled) == []


def test_a_sidecar_and_a_key_of_time_work_too(pooled: Target) -> None:
    pooled.sql(f"ALTER DATABASE {pooled.connection.info.dbname} SET DateStyle = 'SQL, DMY'")
    pooled.sql("CREATE TABLE seen (at timestamptz PRIMARY KEY, done boolean)")
    pooled.sql("INSERT INTO seen SELECT '2026-02-01'::timestamptz + g * interval '7 h' FROM generate_series(1, 200) g")
    loaded = pooled.loaded(
        table="public.seen",
        key="at",
        where="true",
        done="row.done",
        apply="UPDATE seen AS s SET done = true FROM {chunk} AS row WHERE s.at = row.at",
    )
    assert pooled.run(loaded, size=30).state is RunState.FINISHED
    assert pooled.value("SELECT count(*) FROM seen WHERE done IS NOT TRUE") == 0


@pytest.mark.parametrize("network", [False, True])
def test_a_function_stages_its_rows_in_whichever_session_it_gets(pooled: Target, network: bool) -> None:
    fill(pooled)
    work = Apply(
        lambda rows: [(row.id, "pending") for row in rows],
        columns=("payload",),
        into="public.status",
        writes=("event_id", "state"),
        network=network,
    )
    assert pooled.run(pooled.loaded(apply=work), size=50).state is RunState.FINISHED
    assert pooled.missing() == pooled.doubles() == 0


def test_settings_hold_in_every_transaction_and_only_there(pooled: Target) -> None:
    with open_session(pooled.url, "0003_status", 30) as connection:
        assert connection.pooled
        for _ in range(3):
            assert connection.execute("SHOW lock_timeout").fetchone() == ("2s",)
            connection.commit()
            with connection.transaction():
                assert connection.execute("SHOW statement_timeout").fetchone() == ("5min",)
            connection.rollback()
            with connection.pipeline():
                shown = connection.execute("SHOW bytea_output")
                connection.execute("COMMIT")
                connection.execute("BEGIN")
                again = connection.execute("SHOW idle_in_transaction_session_timeout")
            assert (shown.fetchone(), again.fetchone()) == (("hex",), ("30s",))
            connection.rollback()
    assert leftovers(pooled) == []


def test_a_direct_connection_is_told_from_a_pooled_one(target: Target, pooled: Target) -> None:
    with connect(target.url, settings={"lock_timeout": "7s"}) as direct:
        assert not direct.pooled
        assert direct.execute("SHOW lock_timeout").fetchone() == ("7s",)
    with connect(pooled.url, settings={"lock_timeout": "7s"}) as connection:
        assert connection.pooled
        assert connection.execute("SHOW lock_timeout").fetchone() == ("7s",)


def test_a_url_that_the_pooler_refuses_is_explained(pooled: Target) -> None:
    with pytest.raises(ServerError) as error:
        connect(f"{pooled.url}?options=-c%20jit%3Doff")
    assert "A pooler between us and the server does not accept this connection." in error.value.message
    assert error.value.hint == "Take options= and server settings out of the URL, or connect to the server itself."
