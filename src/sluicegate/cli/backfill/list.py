"""``sluicegate backfill list``: which backfills there are, and where they stand."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import options
from sluicegate.errors import ExitCode


@click.command("list")
@options.place
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
