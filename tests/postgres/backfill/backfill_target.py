"""A database with the state schema, small tables, and the verbs of the tests beside this module."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from sluicegate.backfill import engine
from sluicegate.backfill.definition import Backfill, LoadedBackfill
from sluicegate.backfill.engine import Outcome, Pace
from sluicegate.backfill.retry import Backoff
from sluicegate.backfill.session import Surroundings
from sluicegate.store.schema import install_statements
from sluicegate.verify import proof

EVENTS = """
    CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text);
    CREATE TABLE status (event_id bigint, state text);
    CREATE INDEX ON status (event_id);
"""
"""``status`` has no unique constraint, so that a row written twice would show."""

STATUS = {
    "revision": "0003",
    "table": "public.events",
    "key": "id",
    "where": "payload <> ''",
    "done": "EXISTS (SELECT 1 FROM status AS s WHERE s.event_id = row.id)",
    "apply": "INSERT INTO status (event_id, state) SELECT row.id, 'pending' FROM {chunk} AS row",
}


@dataclass
class Log:
    """A listener that remembers."""

    chunks: list[int] = field(default_factory=list)
    parked_rows: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    after_chunk: Callable[[], None] = lambda: None

    def chunk(self, rows: int, keys: object) -> None:
        self.chunks.append(rows)
        self.after_chunk()

    def parked(self, key: tuple[str, ...], reason: str) -> None:
        self.parked_rows.append((key, reason))

    def retrying(self, reason: str, wait: float) -> None:
        self.retries.append(reason)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Target:
    """A database and a folder of backfills, with the verbs of these tests."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.connection = psycopg.connect(url, autocommit=True)
        self.log = Log()

    def install(self) -> None:
        """Create the state schema and the example's tables."""
        for statement in install_statements():
            self.sql(statement)
        self.sql(textwrap.dedent(EVENTS))

    def close(self) -> None:
        """Leave the server."""
        self.connection.close()

    def reconnect(self) -> None:
        """Connect again, after the server was gone."""
        self.connection.close()
        self.connection = psycopg.connect(self.url, autocommit=True)

    def sql(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run SQL; return rows where there are any."""
        cursor = self.connection.execute(text, parameters or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, text: str, *parameters: Any) -> Any:
        """Return the one value of a query."""
        [[value]] = self.sql(text, *parameters)
        return value

    def loaded(self, name: str = "0003_status", **changes: Any) -> LoadedBackfill:
        """A definition as if it came from a file."""
        definition = Backfill(**{**STATUS, **changes})
        return LoadedBackfill(name, name.split("_")[0], self.folder / f"{name}.py", definition)

    def around(self, **changes: Any) -> Surroundings:
        """Surroundings without waiting."""
        given = {
            "sleep": lambda seconds: time.sleep(min(seconds, 0.02)),
            "random": lambda: 0.5,
            "stop": lambda: False,
            "listener": self.log,
            "backoff": Backoff(first=0.01, longest=0.05, attempts=4),
        }
        return Surroundings(**{**given, **changes})

    def run(
        self,
        loaded: LoadedBackfill | None = None,
        *,
        size: int = 100,
        pause: float = 0,
        lease: float = 30,
        **changes: Any,
    ) -> Outcome:
        """Run a backfill in this process."""
        options = {name: changes.pop(name) for name in ("restart", "analyze") if name in changes}
        pace = Pace(size, pause, lease)
        return engine.run(loaded or self.loaded(), self.url, pace, self.around(**changes), **options)

    def verify(self, loaded: LoadedBackfill | None = None, *, size: int = 100, **options: Any) -> proof.Proof:
        """Verify a backfill in this process."""
        return proof.verify(loaded or self.loaded(), self.url, Pace(size, 0, 30), self.around(), **options)

    def state(self, name: str = "0003_status") -> str:
        """The backfill's state."""
        return self.value("SELECT state FROM sluicegate.backfill WHERE name = %s", name)

    def write_file(self, name: str = "0003_status", **changes: Any) -> None:
        """Write the definition to a file, for a process of its own."""
        arguments = ", ".join(f"{key}={value!r}" for key, value in {**STATUS, **changes}.items())
        text = f"from sluicegate import Backfill, HighWatermark, Sidecar\n\nbackfill = Backfill({arguments})\n"
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{name}.py").write_text(text)

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs sluicegate on this target."""
        return [sys.executable, "-m", "sluicegate", "backfill", *arguments, "--dir", str(self.folder)]

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment for a process on this target."""
        inherited = {name: value for name, value in os.environ.items() if name not in ("BATCH_SIZE", "SLEEP")}
        return {**inherited, "DATABASE_URL": self.url, **changes}

    def policy(self, **throttle: Any) -> None:
        """Write policy.toml, beside the backfills' folder, with these keys of [backfill.throttle]."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in throttle.items()]
        (self.folder.parent / "policy.toml").write_text("\n".join(["[backfill.throttle]", *lines]) + "\n")

    def as_role(self, role: str) -> Target:
        """The same database, seen by another role."""
        return Target(self.url.replace("postgres@", f"{role}@", 1), self.folder)

    def process(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run sluicegate in a process of its own and wait for it."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**environment),
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @contextlib.contextmanager
    def started(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start sluicegate in a process of its own; it is killed if it is still there at the end."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(**environment),
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def wait_until(self, condition: str, seconds: float = 30) -> None:
        """Wait until an SQL condition holds."""
        deadline = time.monotonic() + seconds
        while not self.value(f"SELECT {condition}"):
            assert time.monotonic() < deadline, f"still not: {condition}"
            time.sleep(0.01)

    def doubles(self) -> int:
        """How many rows were written more than once."""
        return self.value("SELECT count(*) - count(DISTINCT event_id) FROM status")

    def missing(self) -> int:
        """How many owed rows were not written."""
        return self.value(
            "SELECT count(*) FROM events e WHERE payload <> '' AND NOT EXISTS"
            " (SELECT 1 FROM status s WHERE s.event_id = e.id)"
        )
