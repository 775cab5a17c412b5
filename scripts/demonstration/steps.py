"""The steps of the demonstration, each with the outcome that it must have."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import data

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from sluicegate.pg.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]


class UnexpectedOutcomeError(Exception):
    """A step did not end as it must."""


class Demonstration:
    """One run: it owns a database on the given server and remembers what each step did."""

    def __init__(self, server: EmbeddedServer, console: Console, rows: int) -> None:
        """Create the database.

        Args:
            server: where to work.
            console: where to talk.
            rows: how many events to load.
        """
        self.console, self.rows = console, rows
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE demo")
        self.url = server.url("demo")
        self.results: list[tuple[str, str, float]] = []
        self.before = (0, 0.0)

    def run(self) -> None:
        """Run every step in order.

        Raises:
            UnexpectedOutcomeError: a step ended in another way than it must.
        """
        for step in (
            self.refuse_bad_changes,
            self.pass_good_change,
            self.dry_run,
            self.expand,
            self.load_events,
            self.query_by_anti_join,
            self.meet_the_gate,
            self.backfill,
            self.verify,
            self.contract,
            self.query_by_sidecar,
        ):
            self.step(step)

    def step(self, action: Callable[[], str]) -> None:
        """Run one step under its title and note its result and time."""
        title = (action.__doc__ or "").strip().rstrip(".")
        self.console.rule(f"[bold]{len(self.results) + 1}. {title}")
        started = time.perf_counter()
        outcome = action()
        self.results.append((title, outcome, time.perf_counter() - started))

    def summarize(self) -> None:
        """Print the table of what happened."""
        table = Table(title=f"{self.rows:,} events on PostgreSQL 18")
        table.add_column("Step")
        table.add_column("Result")
        table.add_column("Seconds", justify="right")
        for title, outcome, seconds in self.results:
            table.add_row(title, outcome, f"{seconds:.1f}")
        self.console.print(table)

    # -- the steps: the docstring is the title, the return value the result ---------------------------------------

    def refuse_bad_changes(self) -> str:
        """Lint refuses five bad changes."""
        projects = sorted((ROOT / "tests" / "projects").glob("refused_*"))
        for project in projects:
            self.sluicegate(1, "lint", "--config", str(project / "alembic.ini"), "--rev", "0005")
        return f"{len(projects)} of {len(projects)} refused"

    def pass_good_change(self) -> str:
        """Lint passes the good change."""
        self.sluicegate(0, "lint")
        return "clean"

    def dry_run(self) -> str:
        """Dry run on a clone: prediction against server."""
        self.sluicegate(0, "dry-run")
        return "every prediction confirmed"

    def expand(self) -> str:
        """Upgrade to expand."""
        self.alembic(0, "upgrade", "0003")
        return "sidecar created"

    def load_events(self) -> str:
        """Load events and embeddings."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            with self.progress() as progress:
                task = progress.add_task("events", total=self.rows)
                for complete in data.load(connection, self.rows):
                    progress.update(task, completed=complete)
            size = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
        return f"{self.rows:,} events, {size[0] if size else '?'}"

    def query_by_anti_join(self) -> str:
        """Find pending events by anti-join."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            self.before = data.measure(connection, data.PENDING_BY_ANTI_JOIN)
        return f"{self.before[0]:,} pending in {self.before[1]:.1f} ms"

    def meet_the_gate(self) -> str:
        """Upgrade to contract: the gate refuses."""
        self.alembic(None, "upgrade", "0004")
        return "refused, nothing changed"

    def backfill(self) -> str:
        """Backfill in chunks of 10,000."""
        self.sluicegate(0, "backfill", "run", "0003", "--sleep", "0")
        return "finished"

    def verify(self) -> str:
        """Verify: owed against written."""
        self.sluicegate(0, "backfill", "verify", "0003")
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(status.event_id), count(*) FROM events"
                " LEFT JOIN event_embedding_status AS status ON status.event_id = events.id WHERE payload_text <> ''"
            ).fetchone()
        if row is None or row[0] != row[1]:
            raise UnexpectedOutcomeError(f"Verify passed, but a count by hand says {row}.")
        return f"{row[0]:,}/{row[1]:,} rows"

    def contract(self) -> str:
        """Upgrade to contract: the gate opens."""
        self.alembic(0, "upgrade", "head")
        return "index and foreign key valid"

    def query_by_sidecar(self) -> str:
        """Find pending events by sidecar."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            found, milliseconds = data.measure(connection, data.PENDING_BY_SIDECAR)
        if found != self.before[0]:
            raise UnexpectedOutcomeError(f"The sidecar says {found:,} pending, the anti-join {self.before[0]:,}.")
        times = self.before[1] / milliseconds
        return f"{found:,} pending in {milliseconds:.1f} ms, {times:.0f} times faster"

    def progress(self) -> Progress:
        """Return a bar for what takes longer than a moment; on a pipe it prints only its end."""
        columns = TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.description}"), TimeRemainingColumn()
        return Progress(BarColumn(), *columns, console=self.console)

    # -- running programs -----------------------------------------------------------------------------------------

    def sluicegate(self, expected: int, *arguments: str) -> None:
        """Run sluicegate as a user would."""
        self.program("sluicegate", expected, *arguments)

    def alembic(self, expected: int | None, *arguments: str) -> None:
        """Run Alembic as a deploy would."""
        self.program("alembic", expected, *arguments)

    def program(self, name: str, expected: int | None, *arguments: str) -> None:
        """Run a program from the repository's root; None expects any failure."""
        shown = " ".join(str(part).removeprefix(f"{ROOT}/") for part in arguments)
        self.console.print(f"[dim]$ {name} {shown}")
        result = subprocess.run(
            [sys.executable, "-m", name, *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": self.url},
            check=False,
        )
        met = result.returncode != 0 if expected is None else result.returncode == expected
        if not met:
            wanted = "a failure" if expected is None else f"exit {expected}"
            raise UnexpectedOutcomeError(f"{name} {shown}: expected {wanted}, got exit {result.returncode}.")
