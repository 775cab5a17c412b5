"""``sluicegate backfill resume``: let a paused or cancelled backfill be run again."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode


@click.command()
@click.argument("name")
@options.place
def resume(name: str, folder: str, policy_path: str | None, database_url: str | None) -> int:  # noqa: ARG001
    """Let a paused or cancelled backfill be run again; it goes on where it stopped.

    Workers that have not left yet go on by themselves; where all have left, start them with run.

    Exit codes: 0 it may be run, or goes on; 2 it is neither paused nor cancelled.
    """
    from pathlib import Path

    from sluicegate.backfill import control
    from sluicegate.backfill.loader import load, select
    from sluicegate.backfill.states import RunState, Verb
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import schema

    chosen = load(select(Path(folder), name))
    with connect(invocation.required(database_url)) as connection, translated(f"resuming backfill {chosen.name}"):
        schema.require(connection)
        state = control.ask(connection, chosen.name, Verb.RESUME, actor=control.person())
        count = len(control.workers(connection, chosen.name))
    if state is RunState.RUNNING:
        click.echo(f"Backfill {chosen.name}: running, with {count} workers that had not left yet.")
    else:
        click.echo(f"Backfill {chosen.name}: may be run again.")
        click.echo(f"Next: sluicegate backfill run {chosen.name}", err=True)
    return ExitCode.CLEAN
