"""``sluicegate backfill tune``: change a run that is going on, from any terminal."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode, UsageError
from sluicegate.settings.operational import BATCH_SIZE, SLEEP, WORKERS


@click.command()
@click.argument("name")
@options.place
@click.option("--batch-size", type=BATCH_SIZE, metavar="KEYS", help=f"{BATCH_SIZE.doc} {BATCH_SIZE.accepted}.")
@click.option("--sleep", type=SLEEP, metavar="SECONDS", help=f"{SLEEP.doc} {SLEEP.accepted}.")
@click.option(
    "--workers",
    type=WORKERS,
    metavar="COUNT",
    help=f"How many workers may work at a time, on all hosts together. {WORKERS.accepted}.",
)
def tune(
    name: str,
    folder: str,
    policy_path: str | None,  # noqa: ARG001 - one set of options
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    workers: int | None,
) -> int:
    """Change chunk size, pause or workers of a run that is going on; its workers follow within two seconds.

    What is changed holds until the run ends: the next one begins with its own settings.

    Exit codes: 0 changed; 2 it is not running, or a value is refused.
    """
    from pathlib import Path

    from sluicegate.backfill import control
    from sluicegate.backfill.loader import load, select
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import schema

    if batch_size is None and sleep is None and workers is None:
        raise UsageError("Nothing to change.", hint="Give --batch-size, --sleep or --workers.")
    chosen = load(select(Path(folder), name))
    with (
        connect(invocation.required(database_url), settings={"lock_timeout": "10s"}) as connection,
        translated(f"tuning backfill {chosen.name}"),
    ):
        schema.require(connection)
        done = control.tune(
            connection, chosen.name, actor=control.person(), batch_size=batch_size, sleep=sleep, workers=workers
        )
    click.echo(f"Backfill {chosen.name}: {done.now} (before: {done.before}).")
    if done.replanned:
        click.echo(f"{done.replanned} planned chunks are planned anew in the new size.")
    return ExitCode.CLEAN
