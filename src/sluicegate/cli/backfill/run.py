"""``sluicegate backfill run``: work on a backfill until it is finished or asked to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode, UsageError
from sluicegate.settings.operational import MAX_WAIT, TARGET_SECONDS

if TYPE_CHECKING:
    from sluicegate.backfill.progress import ChunkRecord

COUNTED_AT_START = 5_000_000
"""Up to so many rows (by the planner's estimate) are counted before a run, to show how far it is."""


@click.command()
@click.argument("name")
@options.place
@options.pace
@options.workers
@options.wait
@click.option(
    "--target-seconds",
    type=TARGET_SECONDS,
    metavar="SECONDS",
    help=f"{TARGET_SECONDS.doc} Accepted: {TARGET_SECONDS.accepted}.",
)
@options.throttle
@click.option("--max-wait", type=MAX_WAIT, metavar="SECONDS", help=f"{MAX_WAIT.doc} Accepted: {MAX_WAIT.accepted}.")
@click.option("--restart", is_flag=True, help="Plan anew and take over a changed definition; done rows stay done.")
@options.log
@options.textfile
@click.option("--dry-run", is_flag=True, help="Try one chunk, roll it back, and say what all of them would cost.")
@click.option("--analyze", is_flag=True, help="Collect the table's statistics first when it has none.")
def run(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    workers: int | None,
    wait_for_writers: float | None,
    target_seconds: float | None,
    throttle_off: tuple[str, ...],
    max_wait: float | None,
    restart: bool,
    analyze: bool,
    dry_run: bool,
    log_format: str | None,
    log_file: str | None,
    textfile: str | None,
) -> int:
    """Run a backfill, or join one that is running; stop it with Ctrl-C and run it again to go on.

    Other hosts join with the same command. pause, cancel and tune change it from any terminal.

    Exit codes: 0 finished, or nothing was left to do; 1 finished, and rows are parked; 2 not started: usage,
    configuration, paused or cancelled; 4 the server or the run failed; 130 stopped on request, by Ctrl-C, pause or
    cancel.
    """
    from dataclasses import replace
    from pathlib import Path

    from sluicegate.backfill import crew
    from sluicegate.backfill.append_only import refuse_changes
    from sluicegate.backfill.states import RunState
    from sluicegate.backfill.throttle.gate import HeldTooLongError
    from sluicegate.cli.backfill.log import Log
    from sluicegate.cli.backfill.metrics import Metrics
    from sluicegate.cli.backfill_check import before_run
    from sluicegate.cli.backfill_view import View
    from sluicegate.settings.throttle import read_limits
    from sluicegate.verify.survey import survey

    loaded, policy = invocation.load(folder, name, policy_path)
    pace = invocation.settings(
        loaded,
        policy,
        batch_size=batch_size,
        sleep=sleep,
        lease=lease,
        wait_for_writers=wait_for_writers,
        target_seconds=target_seconds,
    )
    refuse_changes(loaded, policy.append_only, str(policy.path))
    count = invocation.workers(policy, workers)
    limits = read_limits(policy, off=throttle_off, max_wait=max_wait)
    url = invocation.required(database_url)
    if dry_run:
        from sluicegate.cli.backfill import trial

        before_run(loaded, policy, url, batch_size=pace.batch_size)
        owed = survey(loaded, url, at_most=COUNTED_AT_START)
        return trial.report(loaded, url, pace, owed=owed.missing if owed else None, workers=count)
    metrics = Metrics(Path(textfile) if textfile else None, url, loaded.name)
    ending = f"Backfill {loaded.name}: failed."
    try:
        before_run(loaded, policy, url, batch_size=pace.batch_size)
        owed = survey(loaded, url, at_most=COUNTED_AT_START)
        with (
            Log(loaded.name, log_format, Path(log_file) if log_file else None) as log,
            View(loaded.name, owed.missing if owed else None, log) as view,
            invocation.stopping() as around,
        ):
            metrics.update()

            def record(chunk: ChunkRecord) -> None:
                log.chunk(chunk)
                metrics.update()

            outcome = crew.run(
                loaded,
                url,
                pace,
                replace(around(view), record=record),
                workers=count,
                restart=restart,
                analyze=analyze,
                limits=limits,
                counted=(owed.owed, owed.done) if owed else None,
            )
        ending = f"Backfill {loaded.name}: {outcome.state.meaning}."
        if not outcome.worked:
            ending += " Nothing was left to do."
    except UsageError:
        ending = f"Backfill {loaded.name}: this run did not begin."
        raise
    except HeldTooLongError:
        ending = f"Backfill {loaded.name}: interrupted, it was held for too long."
        raise
    except KeyboardInterrupt:
        ending = f"Backfill {loaded.name}: stopped; the chunk in hand was rolled back."
        raise click.Abort from None
    finally:
        # The same honest line after success and after failure: counted in the database, in snapshots of its own.
        click.echo(ending)
        click.echo(invocation.counted(loaded, url))
        metrics.update(last=True)
    if outcome.state in (RunState.PAUSING, RunState.PAUSED, RunState.CANCELLING, RunState.CANCELLED):
        click.echo(invocation.on_whose_request(loaded.name, url, outcome.state), err=True)
        return 130
    if outcome.interrupted:
        click.echo(f"Next: sluicegate backfill run {loaded.name}", err=True)
        return 130
    if outcome.state is RunState.FINISHED:
        click.echo(f"Next: sluicegate backfill verify {loaded.name}", err=True)
    if outcome.state is RunState.FINISHED_WITH_PARKED:
        click.echo(f"See which rows, and why: sluicegate backfill status {loaded.name}", err=True)
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if outcome.state in (RunState.FINISHED, RunState.VERIFIED) else ExitCode.RUN_FAILED
