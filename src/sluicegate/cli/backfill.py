"""``sluicegate backfill``: list, run, show and verify backfills."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import click

from sluicegate.errors import ExitCode, SluicegateError, UsageError
from sluicegate.settings.operational import BATCH_SIZE, LEASE, SLEEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.engine import Pace
    from sluicegate.backfill.progress import Listener
    from sluicegate.backfill.session import Surroundings
    from sluicegate.settings.policy import Policy
    from sluicegate.verify.rows import Figures

COUNTED_AT_START = 5_000_000
"""Up to so many rows (by the planner's estimate) are counted before a run, to show how far it is."""


def _with(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


_PLACE = _with(
    click.option("--dir", "folder", default="backfills", show_default=True, help="Folder that holds the backfills."),
    click.option("--policy", "policy_path", help="Policy file; safety/policy.toml here or above unless named."),
    click.option(
        "--database-url",
        envvar=["SLUICEGATE_DATABASE_URL", "DATABASE_URL"],
        help="Target database; SLUICEGATE_DATABASE_URL or DATABASE_URL unless given.",
    ),
)
_PACE = _with(
    click.option(
        "--batch-size", type=BATCH_SIZE, metavar="KEYS", help=f"{BATCH_SIZE.doc} Accepted: {BATCH_SIZE.accepted}."
    ),
    click.option("--sleep", type=SLEEP, metavar="SECONDS", help=f"{SLEEP.doc} Accepted: {SLEEP.accepted}."),
    click.option("--lease", type=LEASE, metavar="SECONDS", help=f"{LEASE.doc} Accepted: {LEASE.accepted}."),
)


@click.group()
def backfill() -> None:
    """Move data in chunks outside the deploy, and prove that nothing is missing.

    A backfill is a file in backfills/, named by its number (0003), its name or its path.

    Exit codes: 0 done; 1 rows are missing or parked; 2 usage or configuration; 4 the server or the run failed; 130
    stopped on request.
    """


@backfill.command("list")
@_PLACE
def list_(folder: str, policy_path: str | None, database_url: str | None) -> int:  # noqa: ARG001 - one set of options
    """List the backfills, with their state where a database is named."""
    from pathlib import Path

    from sluicegate.backfill.loader import load_all
    from sluicegate.cli.backfill_view import overview, results
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import runs, schema

    loaded = list(load_all(Path(folder)))
    rows = None
    if database_url:
        with connect(database_url) as connection, translated("reading the backfills"):
            schema.require(connection)
            rows = {row.name: row for row in runs.get_all(connection)}
    results().print(overview(loaded, rows))
    return ExitCode.CLEAN


@backfill.command()
@click.argument("name", required=False)
@_PLACE
def status(name: str | None, folder: str, policy_path: str | None, database_url: str | None) -> int:  # noqa: ARG001
    """Show how far a backfill is, or all of them."""
    from pathlib import Path

    from sluicegate.backfill.loader import load, load_all, select
    from sluicegate.cli.backfill_view import detail, overview, results
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import runs, schema
    from sluicegate.store.queries import statement

    url = _required(database_url)
    chosen = load(select(Path(folder), name)) if name else None
    console = results()
    with connect(url) as connection, translated("reading the backfills"):
        schema.require(connection)
        row = runs.get(connection, chosen.name) if chosen else None
        if chosen is None or row is None:
            loaded = [chosen] if chosen else list(load_all(Path(folder)))
            console.print(overview(loaded, {row.name: row for row in runs.get_all(connection)}))
            return ExitCode.CLEAN
        figures = connection.execute(statement("chunk_figures"), {"name": row.name}).fetchall()
        ledger = [(kind, state, chunks, rows) for kind, state, chunks, rows, _latest in figures]
        console.print(detail(row, runs.leases(connection, row.name), ledger))
        for one in runs.parked(connection, row.name, limit=20):
            console.print(f"Parked: key {', '.join(one.key)}: {one.reason}", markup=False, highlight=False)
    return ExitCode.CLEAN


@backfill.command()
@click.argument("name")
@_PLACE
@_PACE
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def check(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    output: str,
) -> int:
    """Ask the database everything that would make a backfill wrong, endless or slow; change nothing.

    Exit codes: 0 it may start, 1 it would be refused, 2 usage or configuration, 4 the server failed.
    """
    from sluicegate.cli.backfill_check import examined, report

    loaded, policy = _load(folder, name, policy_path)
    pace = _settings(loaded, policy, batch_size=batch_size, sleep=sleep, lease=lease)
    checks = examined(loaded, policy, _required(database_url), batch_size=pace.batch_size)
    return report(loaded, checks, output=output)


@backfill.command()
@click.argument("name")
@_PLACE
@_PACE
@click.option("--restart", is_flag=True, help="Plan anew and take over a changed definition; done rows stay done.")
@click.option("--analyze", is_flag=True, help="Collect the table's statistics first when it has none.")
def run(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    restart: bool,
    analyze: bool,
) -> int:
    """Run a backfill, or join one that is running; stop it with Ctrl-C and run it again to go on."""
    from sluicegate.backfill import engine
    from sluicegate.backfill.append_only import refuse_changes
    from sluicegate.backfill.states import RunState
    from sluicegate.cli.backfill_check import before_run
    from sluicegate.cli.backfill_view import View
    from sluicegate.verify.survey import survey

    loaded, policy = _load(folder, name, policy_path)
    pace = _settings(loaded, policy, batch_size=batch_size, sleep=sleep, lease=lease)
    refuse_changes(loaded, policy.append_only, str(policy.path))
    url = _required(database_url)
    owed = survey(loaded, url, at_most=COUNTED_AT_START)
    ending = f"Backfill {loaded.name}: failed."
    try:
        before_run(loaded, policy, url, batch_size=pace.batch_size)
        with View(loaded.name, owed.missing if owed else None) as view, _stopping() as around:
            outcome = engine.run(loaded, url, pace, around(view), restart=restart, analyze=analyze)
        ending = f"Backfill {loaded.name}: {outcome.state.meaning}."
        if not outcome.worked:
            ending += " Nothing was left to do."
    except UsageError:
        ending = f"Backfill {loaded.name}: not started."
        raise
    except KeyboardInterrupt:
        ending = f"Backfill {loaded.name}: stopped; the chunk in hand was rolled back."
        raise click.Abort from None
    finally:
        # The same honest line after success and after failure: counted in the database, in snapshots of its own.
        click.echo(ending)
        click.echo(_counted(loaded, url))
    if outcome.interrupted:
        click.echo(f"Next: sluicegate backfill run {loaded.name}", err=True)
        return 130
    if outcome.state is RunState.FINISHED:
        click.echo(f"Next: sluicegate backfill verify {loaded.name}", err=True)
    if outcome.state is RunState.FINISHED_WITH_PARKED:
        click.echo(f"See which rows, and why: sluicegate backfill status {loaded.name}", err=True)
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if outcome.state in (RunState.FINISHED, RunState.VERIFIED) else ExitCode.RUN_FAILED


@backfill.command()
@click.argument("name")
@_PLACE
@_PACE
@click.option("--count-only", is_flag=True, help="Only count; do not have missing rows worked off again.")
def verify(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    count_only: bool,
) -> int:
    """Prove that no row is missing, working off again what is; the proof opens the gate of the contract revision."""
    from sluicegate.backfill.states import RunState
    from sluicegate.cli.backfill_view import View
    from sluicegate.verify import proof

    loaded, policy = _load(folder, name, policy_path)
    pace = _settings(loaded, policy, batch_size=batch_size, sleep=sleep, lease=lease)
    url = _required(database_url)
    with View(loaded.name, None) as view, _stopping() as around:
        found = proof.verify(loaded, url, pace, around(view), requeue=not count_only)
    if found.requeued:
        click.echo(f"Worked off again: {found.requeued} rows that were missing.")
    click.echo(_rows(found.figures))
    if found.verified:
        click.echo(f"Backfill {loaded.name}: verified. Its gate is open.")
        return ExitCode.CLEAN
    click.echo(f"Backfill {loaded.name}: NOT verified; it is {found.state.meaning}.")
    for key in found.missing_keys:
        reason = found.reasons.get(key)
        click.echo(f"  missing: key {', '.join(key)}" + (f": {reason}" if reason else ""))
    if found.figures.missing > len(found.missing_keys) and found.missing_keys:
        click.echo(f"  … and {found.figures.missing - len(found.missing_keys)} more")
    if found.state not in (RunState.FINISHED, RunState.FINISHED_WITH_PARKED):
        click.echo(f"Next: sluicegate backfill run {loaded.name}", err=True)
    return ExitCode.FINDINGS


def _load(folder: str, name: str, policy_path: str | None) -> tuple[LoadedBackfill, Policy]:
    from pathlib import Path

    from sluicegate.backfill.loader import load, select
    from sluicegate.settings.policy import find_policy, load_policy

    loaded = load(select(Path(folder), name))
    return loaded, load_policy(Path(policy_path) if policy_path else find_policy(Path(folder)))


def _settings(
    loaded: LoadedBackfill, policy: Policy, *, batch_size: int | None, sleep: float | None, lease: float | None
) -> Pace:
    """Resolve every operational setting; nothing has been connected to yet."""
    from sluicegate.backfill.engine import Pace
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
    )


def _required(database_url: str | None) -> str:
    if not database_url:
        raise UsageError(
            "No database is named.", hint="Give --database-url, or set SLUICEGATE_DATABASE_URL or DATABASE_URL."
        )
    return database_url


def _rows(figures: Figures) -> str:
    return f"Rows: {figures.done}/{figures.owed} written"


def _counted(loaded: LoadedBackfill, url: str) -> str:
    from sluicegate.verify.survey import survey

    try:
        found = survey(loaded, url)
    except SluicegateError as error:
        return f"Rows: could not be counted. {error.message}"
    return _rows(found) if found else "Rows: could not be counted."


class _stopping:  # noqa: N801 - reads as a verb in a with statement
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
