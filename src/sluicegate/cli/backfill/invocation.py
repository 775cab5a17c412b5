"""What every verb of ``sluicegate backfill`` begins and ends with: the definition, its settings, the count, Ctrl-C."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import click

from sluicegate.errors import SluicegateError, UsageError
from sluicegate.settings.operational import BATCH_SIZE, LEASE, SLEEP, TARGET_SECONDS, WAIT_FOR_WRITERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.pace import Pace
    from sluicegate.backfill.progress import Listener
    from sluicegate.backfill.session import Surroundings
    from sluicegate.backfill.states import RunState
    from sluicegate.settings.policy import Policy
    from sluicegate.verify.rows import Figures


def load(folder: str, name: str, policy_path: str | None) -> tuple[LoadedBackfill, Policy]:
    from pathlib import Path

    from sluicegate.backfill import loader
    from sluicegate.settings.policy import find_policy, load_policy

    loaded = loader.load(loader.select(Path(folder), name))
    return loaded, load_policy(Path(policy_path) if policy_path else find_policy(Path(folder)))


def settings(
    loaded: LoadedBackfill,
    policy: Policy,
    *,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    wait_for_writers: float | None = None,
    target_seconds: float | None = None,
) -> Pace:
    """Resolve every operational setting; nothing has been connected to yet."""
    from sluicegate.backfill.pace import Pace
    from sluicegate.settings.operational import resolve

    table = (policy.operational.get("backfill", {}), str(policy.path))
    if not isinstance(table[0], dict):
        raise UsageError(f"{policy.path}: backfill is not a table.", hint="Write [backfill] on a line of its own.")
    definition, place = loaded.definition, str(loaded.path)
    return Pace(
        batch_size=resolve(
            BATCH_SIZE,
            flag=batch_size,
            environment=os.environ,
            definition=None if definition.batch_size is None else (definition.batch_size, place),
            policy=table,
        ).value,
        sleep=resolve(
            SLEEP,
            flag=sleep,
            environment=os.environ,
            definition=None if definition.sleep is None else (definition.sleep, place),
            policy=table,
        ).value,
        lease=resolve(LEASE, flag=lease, environment=os.environ, policy=table).value,
        target_seconds=resolve(TARGET_SECONDS, flag=target_seconds, environment=os.environ, policy=table).value,
        wait_for_writers=resolve(WAIT_FOR_WRITERS, flag=wait_for_writers, environment=os.environ, policy=table).value,
    )


def workers(policy: Policy, flag: int | None) -> int:
    """Return how many workers this process starts."""
    from sluicegate.settings.operational import WORKERS, resolve

    table = (policy.operational.get("backfill", {}), str(policy.path))
    return resolve(WORKERS, flag=flag, environment=os.environ, policy=table).value


def required(database_url: str | None) -> str:
    if not database_url:
        raise UsageError(
            "No database is named.", hint="Give --database-url, or set SLUICEGATE_DATABASE_URL or DATABASE_URL."
        )
    return database_url


def rows_line(figures: Figures) -> str:
    return f"Rows: {figures.done}/{figures.owed} written"


def counted(loaded: LoadedBackfill, url: str) -> str:
    from sluicegate.verify.survey import survey

    try:
        found = survey(loaded, url)
    except SluicegateError as error:
        return f"Rows: could not be counted. {error.message}"
    return rows_line(found) if found else "Rows: could not be counted."


def on_whose_request(name: str, url: str, state: RunState) -> str:
    """Return who asked for a pause or a cancellation, and how to go on."""
    from sluicegate.backfill.states import NEXT, RunState
    from sluicegate.pg.connect import connect
    from sluicegate.store import runs

    asked = RunState.PAUSING if state in (RunState.PAUSING, RunState.PAUSED) else RunState.CANCELLING
    word = "Paused" if asked is RunState.PAUSING else "Cancelled"
    try:
        with connect(url) as connection:
            event = runs.latest_event(connection, name, asked)
    except SluicegateError:
        event = None
    by = f" by {event.actor}, {event.at:%Y-%m-%d %H:%M:%S %Z}" if event else ""
    return f"{word}{by}. {NEXT[state].format(name=name)}"


class stopping:  # noqa: N801 - reads as a verb in a with statement
    """Turn the first Ctrl-C or SIGTERM into a request to stop after the chunk, the second into an interrupt."""

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Callable[[Listener], Surroundings]:
        from sluicegate.backfill.session import Surroundings

        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return lambda listener: Surroundings(
            sleep=time.sleep, random=random.random, stop=lambda: self._asked, listener=listener
        )

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: object) -> None:  # noqa: ARG002 - the signature of a signal handler
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        click.echo("Stopping after this chunk; once more to roll it back.", err=True)
