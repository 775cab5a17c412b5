"""``sluicegate backfill retry-parked``: put parked rows back to work."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode


@click.command("retry-parked")
@click.argument("name")
@options.place
def retry_parked(name: str, folder: str, policy_path: str | None, database_url: str | None) -> int:  # noqa: ARG001
    """Put the rows that could not be written back to work, after their cause was removed.

    Workers of a run that goes on take them; otherwise the next run does. Rows that fail again are parked again.

    Exit codes: 0 put back, or none is parked; 2 the backfill is not in a state for that.
    """
    from pathlib import Path

    from sluicegate.backfill import control
    from sluicegate.backfill.engine import statements_for
    from sluicegate.backfill.loader import load, select
    from sluicegate.backfill.session import open_session
    from sluicegate.pg.connect import translated
    from sluicegate.store import runs, schema

    chosen = load(select(Path(folder), name))
    connection = open_session(invocation.required(database_url), chosen.name, lease_seconds=60)
    try:
        with translated(f"putting back parked rows of backfill {chosen.name}"):
            schema.require(connection)
            statements = statements_for(chosen, connection)
            count = control.retry_parked(connection, chosen, statements, actor=control.person())
            working = len([one for one in runs.leases(connection, chosen.name) if not one.silent])
            connection.commit()
    finally:
        connection.close()
    if not count:
        click.echo(f"Backfill {chosen.name}: no row is parked.")
        return ExitCode.CLEAN
    whose = f"{working} workers take them" if working else "the next run takes them"
    click.echo(f"Backfill {chosen.name}: {count} rows were put back; {whose}.")
    if not working:
        click.echo(f"Next: sluicegate backfill run {chosen.name}", err=True)
    return ExitCode.CLEAN
