"""A primary and its streaming replica on the embedded server, to pause, to break and to fail over."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from sluicegate.pg import embedded
from sluicegate.pg.embedded import SCRATCH_SETTINGS, EmbeddedServer

_SETTINGS = {
    **SCRATCH_SETTINGS,
    "synchronous_commit": "on",
    "max_prepared_transactions": "10",
    "wal_level": "replica",
    "archive_mode": "on",
    "hot_standby_feedback": "on",
    "wal_receiver_status_interval": "1",
    "wal_retrieve_retry_interval": "100ms",
}


def eventually(ask: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


@dataclass
class Pair:
    """A primary and its replica; either may be stopped, the replica may be promoted."""

    folder: Path
    primary: EmbeddedServer
    replica: EmbeddedServer

    def url(self, database: str) -> str:
        """The URL that finds whichever of the two takes writes."""
        hosts = f"{self.primary.socket},{self.replica.socket}"
        return f"postgresql://postgres@/{database}?host={hosts}&port=5432,5432&target_session_attrs=read-write"

    @contextlib.contextmanager
    def broken_archive(self) -> Iterator[Path]:
        """Have archiving fail until the file is removed."""
        flag = self.folder / "broken"
        flag.touch()
        try:
            yield flag
        finally:
            flag.unlink(missing_ok=True)

    def promote(self) -> None:
        """Make the replica a primary."""
        with psycopg.connect(self.replica.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(true, 60)")

    def caught_up(self) -> None:
        """Wait until the replica has replayed what the primary has written."""
        with (
            psycopg.connect(self.primary.url(), autocommit=True) as primary,
            psycopg.connect(self.replica.url(), autocommit=True) as replica,
        ):
            [lsn] = primary.execute("SELECT pg_current_wal_lsn()").fetchone() or [None]
            for _ in range(3000):
                [done] = replica.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,)).fetchone() or [None]
                if done:
                    return
                replica.execute("SELECT pg_sleep(0.01)")
        raise AssertionError("the replica does not catch up")


@contextlib.contextmanager
def replicated(version: int = 18) -> Iterator[Pair]:
    """Run a primary with a replica named r1."""
    folder = Path(tempfile.mkdtemp(prefix="sluicegate-pair-"))
    account = embedded._account()
    folder.chmod(0o755)
    servers = []
    try:
        settings = {**_SETTINGS, "archive_command": f"test ! -e {folder}/broken"}
        primary = embedded.start(folder / "primary", version, settings=settings)
        servers.append(primary)
        data = folder / "replica"
        data.mkdir(mode=0o700)
        if account:
            os.chown(data, account.pw_uid, account.pw_gid)
        subprocess.run(
            [
                *(
                    str(primary.binary("pg_basebackup")),
                    "-D",
                    str(data),
                    "-R",
                    "-X",
                    "stream",
                    "-c",
                    "fast",
                    "--no-sync",
                ),
                *("-d", f"host={primary.socket} user=postgres application_name=r1"),
            ],
            check=True,
            capture_output=True,
            cwd=data,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        (data / ".s.PGSQL.5432.lock").unlink(missing_ok=True)  # the primary's socket lies in its data folder
        replica = embedded.start(data, version, settings=_SETTINGS)
        servers.append(replica)
        yield Pair(folder, primary, replica)
    finally:
        for server in servers:
            server.stop("immediate")
            if server.socket != server.data:
                shutil.rmtree(server.socket, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
