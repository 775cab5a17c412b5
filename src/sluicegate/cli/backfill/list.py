"""``sluicegate backfill list``: which backfills there are, and where they stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sluicegate.cli.backfill import options
from sluicegate.errors import ExitCode

if TYPE_CHECKING:
    from sluicegate.store.runs import RunRow


@click.command("list")
@options.place
@options.form
def list_(
    folder: str,
    policy_path: str | None,  # noqa: ARG001 - one set of options
    database_url: str | None,
    output: str,
) -> int:
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
    if output == "json":
        found = [
            {
                "backfill": one.name,
                "revision": one.definition.revision,
                "table": one.definition.table,
                **_known(rows, one.name),
            }
            for one in loaded
        ]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        results().print(overview(loaded, rows))
    return ExitCode.CLEAN


def _known(rows: dict[str, RunRow] | None, name: str) -> dict[str, Any]:
    """Return what the database knows; a state of None means that none was asked."""
    row = rows.get(name) if rows is not None else None
    if row is None:
        return {"state": None if rows is None else "planned"}
    verified = row.verified_at.isoformat() if row.verified_at else None
    return {"state": row.state, "written": row.rows_written, "parked": row.rows_parked, "verified": verified}
