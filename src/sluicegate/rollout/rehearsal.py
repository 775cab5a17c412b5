"""Run a repository's revisions and backfills on an embedded PostgreSQL that is thrown away, without env.py."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

import sluicegate.rollout.operations  # noqa: F401 - registers the operations that revisions expect on `op`
from sluicegate.backfill import engine, loader
from sluicegate.backfill.pace import Pace
from sluicegate.backfill.session import Surroundings
from sluicegate.capture.location import find_script_location
from sluicegate.dryrun.scripts import Scripts
from sluicegate.dryrun.upgrade import Environment, session, upgrade
from sluicegate.errors import CouldNotJudgeError
from sluicegate.lint.project import read_environment
from sluicegate.pg.connect import connect, translated
from sluicegate.pg.embedded import VERSIONS, temporary_server
from sluicegate.rollout.gates import GATE_CLOSED
from sluicegate.settings.policy import find_policy, load_policy
from sluicegate.verify import proof, tick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alembic.runtime.migration import RevisionStep

    from sluicegate.backfill.chunks import Bound
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.engine import Outcome
    from sluicegate.dryrun.upgrade import Stop
    from sluicegate.verify.proof import Proof
    from sluicegate.verify.tick import Tick

_DATABASE = "rehearsal"


class _Silent:
    """A listener that says nothing."""

    def chunk(self, rows: int, keys: Bound | None) -> None:
        """Say nothing."""

    def parked(self, key: Bound, reason: str) -> None:
        """Say nothing."""

    def retrying(self, reason: str, wait: float) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A database in which a repository's revisions and backfills are run as production would.

    Attributes:
        root: the repository.
        url: the database.
    """

    root: Path
    url: str
    _scripts: Scripts
    _environment: Environment

    def upgrade(self, revision: str, *, open_gates: bool = True) -> None:
        """Run the revisions up to one.

        Args:
            revision: its id, or ``head``.
            open_gates: run and verify earlier backfills where a revision waits for one; otherwise it stops there.

        Raises:
            CouldNotJudgeError: one of them does not run; the message says where and why.
        """
        for step in self._scripts.steps(self._position(), self._scripts.resolve(revision)):
            stop = self._step(step)
            if stop is not None and stop.sqlstate == GATE_CLOSED and open_gates:
                self._prove_earlier()
                stop = self._step(step)
            if stop is not None:
                where = f"{stop.location.file}:{stop.location.line}: " if stop.location else ""
                raise CouldNotJudgeError(
                    f"{where}revision {stop.revision} does not run: {stop.message}"
                ) from stop.cause

    def _step(self, step: RevisionStep) -> Stop | None:
        with session(self.url, self._environment) as connection:
            return upgrade(connection, self._scripts, [step], self._environment, url=self.url)

    def _prove_earlier(self) -> None:
        """Run and verify every backfill whose expand revision has run."""
        done = self._scripts.ancestors(self._position())
        for loaded in loader.load_all(self.root / "backfills"):
            if loaded.definition.revision in done:
                self.run(loaded.name)
                self.verify(loaded.name)

    def execute(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL; return the rows where there are any."""
        with connect(self.url) as connection, translated("running SQL of a rehearsal"):
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def without_foreign_keys(self, table: str) -> None:
        """Let rows of a table in without the rows that they refer to; its own triggers go on firing."""
        schema, _, name = table.rpartition(".")
        target = sql.Identifier(schema or "public", name)
        with connect(self.url) as connection, translated("switching foreign keys off"):
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(target))
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(target))

    def run(self, name: str, *, batch_size: int = 1_000) -> Outcome:
        """Run a backfill to its end."""
        return engine.run(self._load(name), self.url, Pace(batch_size, 0.0, 60.0), _around())

    def verify(self, name: str, *, batch_size: int = 1_000) -> Proof:
        """Prove that a backfill is complete."""
        return proof.verify(self._load(name), self.url, Pace(batch_size, 0.0, 60.0, 10.0), _around())

    def tick(self, name: str, *, window: int = 0) -> Tick:
        """Work off rows that came later."""
        return tick.tick(self._load(name), self.url, Pace(1_000, 0.0, 60.0), _around(), window=window)

    def _load(self, name: str) -> LoadedBackfill:
        return loader.load(loader.select(self.root / "backfills", name))

    def _position(self) -> tuple[str, ...]:
        table = sql.Identifier(*filter(None, [self._environment.version_table_schema, self._environment.version_table]))
        with connect(self.url) as connection, translated("reading Alembic's version table"):
            row = connection.execute("SELECT to_regclass(%s)", (table.as_string(connection),)).fetchone()
            if row is None or row[0] is None:
                return ()
            found = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchall()
        return tuple(version for [version] in found)


@contextlib.contextmanager
def rehearse(root: Path, version: int | None = None, *, config: Path | None = None) -> Iterator[Rehearsal]:
    """Start an empty PostgreSQL for a repository's revisions, and throw it away at the end.

    Args:
        root: the repository: where alembic.ini or pyproject.toml, backfills/ and safety/ are.
        version: 16 or 18; the policy's version where that is one of them, else 18.
        config: Alembic's configuration file, where it is not found from ``root``.

    Raises:
        UsageError: there is no Alembic environment, or the embedded PostgreSQL is not installed.
        CouldNotJudgeError: a revision cannot be imported.
    """
    policy = load_policy(find_policy(root))
    if config is None and policy.directory is not None:
        location = find_script_location(migrations=policy.root / policy.directory)
    else:
        location = find_script_location(config or root)
    said = read_environment(location.directory / "env.py")
    schema, _, table = policy.version_table.rpartition(".")
    environment = Environment(
        transaction_per_migration=policy.transaction_per_migration or said.transaction_per_migration,
        version_table=table,
        version_table_schema=schema or None,
        naming_convention=policy.naming_convention,
        settings={**said.settings, **policy.session_settings},
    )
    scripts = Scripts(location, working_directory=root)
    chosen = version or (policy.postgresql if policy.postgresql in VERSIONS else max(VERSIONS))
    with temporary_server(chosen) as server:
        with connect(server.url()) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
        with contextlib.chdir(root):
            yield Rehearsal(root, server.url(_DATABASE), scripts, environment)


def _around() -> Surroundings:
    return Surroundings(sleep=time.sleep, random=random.random, stop=lambda: False, listener=_Silent())
