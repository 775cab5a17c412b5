"""The database under torture: a backfill that counts its applications, and an application that goes on writing."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import psycopg

from sluicegate.store.schema import install_statements

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "0003_status"

DEFINITION = '''
from sluicegate import Backfill

backfill = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload <> ''",
    done="EXISTS (SELECT 1 FROM status AS s WHERE s.event_id = row.id)",
    apply="""
        WITH counted AS (
            UPDATE events AS e SET applied = e.applied + 1 FROM {chunk} AS row WHERE e.id = row.id RETURNING e.id
        )
        INSERT INTO status (event_id) SELECT id FROM counted
    """,
)
'''
"""It changes the events themselves, so that it can deadlock with the application, and adds a row that nothing keeps
unique, so that a second application shows twice."""

FUNCTION = """
import datetime
import random
import time

from sluicegate import Apply, Backfill


def stamp(rows):
    time.sleep(random.random() * 0.05)
    return [(row.id, datetime.datetime.now(datetime.timezone.utc)) for row in rows]


backfill = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload <> ''",
    done="EXISTS (SELECT 1 FROM status AS s WHERE s.event_id = row.id)",
    apply=Apply(stamp, columns=("payload",), into="public.status", writes=("event_id", "at"), network=True),
)
"""
"""The same work by a function that runs outside of any transaction; a trigger counts."""

COUNTING = """
    CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN UPDATE events SET applied = applied + 1 WHERE id = NEW.event_id; RETURN NULL; END $$;
    CREATE TRIGGER count_it AFTER INSERT ON status FOR EACH ROW EXECUTE FUNCTION count_it();
"""

TABLES = """
    CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text,
                         applied integer NOT NULL DEFAULT 0);
    CREATE TABLE status (event_id bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE INDEX ON status (event_id);
"""


def prepare(url: str, folder: Path, rows: int, *, function: bool) -> None:
    """Create the tables, the rows and the backfill's file."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in install_statements():
            connection.execute(statement)
        connection.execute(TABLES)
        if function:
            connection.execute(COUNTING)
        add(connection, rows)
        connection.execute("ANALYZE")
    folder.mkdir()
    (folder / f"{NAME}.py").write_text(FUNCTION if function else DEFINITION)


def add(connection: psycopg.Connection, rows: int) -> None:
    """Insert events, one in nine without payload."""
    connection.execute(
        "INSERT INTO events (payload) SELECT CASE WHEN n %% 9 = 0 THEN '' ELSE 'x' END FROM generate_series(1, %s) n",
        (rows,),
    )


class Application:
    """Inserts, updates and deletes events in threads of its own until it is told to stop."""

    def __init__(self, url: str, seed: int) -> None:
        """Prepare the threads."""
        self._url = url
        self._stopping = threading.Event()
        self.done: Counter[str] = Counter()
        verbs = (self._insert, self._update, self._update, self._delete)
        self._threads = [
            threading.Thread(target=self._repeat, args=(verb, random.Random(f"{seed} {number}")), daemon=True)
            for number, verb in enumerate(verbs)
        ]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop writing, and wait for what is open."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, verb: Callable[[psycopg.Connection, random.Random], None], chance: random.Random) -> None:
        connection = None
        while not self._stopping.is_set():
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self._url)
                verb(connection, chance)
                connection.commit()
            except psycopg.errors.DeadlockDetected:
                self.done["deadlocks of the application"] += 1
                connection.rollback()
            except psycopg.Error:
                if connection is not None:
                    connection.close()
                time.sleep(0.05)
            time.sleep(chance.random() * 0.05)
        if connection is not None:
            connection.close()

    def _insert(self, connection: psycopg.Connection, chance: random.Random) -> None:
        """Insert a few, and commit them late now and then, below a mark that has passed them; or not at all."""
        add(connection, chance.randint(1, 20))
        time.sleep(chance.choice((0, 0, 0.3)))
        if chance.random() < 0.1:
            connection.rollback()
        self.done["inserts"] += 1

    def _update(self, connection: psycopg.Connection, chance: random.Random) -> None:
        """Change some events in any order, so that others who lock them in key order meet in a deadlock."""
        for key in self._keys(connection, chance, chance.randint(2, 4)):
            payload = chance.choice(("x", "y", "z", ""))
            connection.execute("UPDATE events SET payload = %s WHERE id = %s", (payload, key))
            time.sleep(chance.random() * 0.02)
        self.done["updates"] += 1

    def _delete(self, connection: psycopg.Connection, chance: random.Random) -> None:
        """Delete an event."""
        for key in self._keys(connection, chance, 1):
            connection.execute("DELETE FROM events WHERE id = %s", (key,))
        self.done["deletes"] += 1

    @staticmethod
    def _keys(connection: psycopg.Connection, chance: random.Random, count: int) -> list[int]:
        """Choose keys, most of them where the backfill works now."""
        row = connection.execute(
            "SELECT coalesce((SELECT max(id) FROM events), 0), coalesce((SELECT mark[1]::bigint FROM"
            " sluicegate.backfill), 0)"
        ).fetchone()
        top, mark = row or (0, 0)
        low, high = (max(mark - 50, 0), mark + 200) if chance.random() < 0.8 else (0, top)
        keys = [chance.randint(low, max(high, low + 1)) for _ in range(count)]
        if chance.random() < 0.5:
            keys.sort(reverse=True)
        return keys
