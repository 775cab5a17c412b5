"""``sluicegate backfill status``: how far a backfill is."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode


@click.command()
@click.argument("name", required=False)
@options.place
def status(name: str | None, folder: str, policy_path: str | None, database_url: str | None) -> int:  # noqa: ARG001
    """Show how far a backfill is, or all of them."""
    from pathlib import Path

    from sluicegate.backfill.loader import load, load_all, select
    from sluicegate.cli.backfill_view import detail, overview, results
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import runs, schema
    from sluicegate.store.queries import statement

    url = invocation.required(database_url)
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
