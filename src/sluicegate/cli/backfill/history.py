"""``sluicegate backfill history``: who did what, and what the chunks cost."""

from __future__ import annotations

import json

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode


@click.command()
@click.argument("name")
@options.place
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many events and chunks."
)
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def history(
    name: str,
    folder: str,
    policy_path: str | None,  # noqa: ARG001 - one set of options
    database_url: str | None,
    limit: int,
    output: str,
) -> int:
    """Show who did what to a backfill, and rows, WAL and time of its chunks by worker and of the last ones.

    WAL is what the whole server wrote while a chunk was worked on. Exit codes: 0 shown; 2 it never ran here.
    """
    from pathlib import Path

    from rich.table import Table

    from sluicegate.backfill.loader import load, select
    from sluicegate.backfill.states import StateError
    from sluicegate.cli.backfill_view import results, size
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import runs, schema
    from sluicegate.store.queries import statement

    chosen = load(select(Path(folder), name))
    with connect(invocation.required(database_url)) as connection, translated("reading the history"):
        schema.require(connection)
        if runs.get(connection, chosen.name) is None:
            raise StateError(
                f"Backfill {chosen.name} has never run in this database; it has no history.",
                hint=f"Start it with: sluicegate backfill run {chosen.name}",
            )
        events = runs.events(connection, chosen.name, limit)
        by_worker = connection.execute(statement("chunk_statistics"), {"name": chosen.name}).fetchall()
        chunks = connection.execute(statement("chunk_history"), {"name": chosen.name, "limit": limit}).fetchall()
    if output == "json":
        names = (
            "kind",
            "seq",
            "part",
            "key",
            "state",
            "rows",
            "attempts",
            "worker",
            "wal_bytes",
            "started",
            "finished",
        )
        found = {
            "backfill": chosen.name,
            "events": [
                {"at": one.at.isoformat(), "actor": one.actor, "event": one.event, "detail": one.detail}
                for one in events
            ],
            "workers": [
                dict(
                    zip(("worker", "chunks", "rows", "wal_bytes", "mean_seconds", "longest_seconds"), row, strict=True)
                )
                for row in by_worker
            ],
            "chunks": [dict(zip((*names, "seconds"), row, strict=True)) for row in chunks],
        }
        click.echo(json.dumps(found, indent=2, ensure_ascii=False, default=lambda moment: moment.isoformat()))
        return ExitCode.CLEAN
    console = results()

    def table(*titles: str, right: tuple[str, ...] = ()) -> Table:
        made = Table(box=None, pad_edge=False, header_style="bold")
        for title in titles:
            made.add_column(title, justify="right" if title in right else "left", overflow="fold")
        return made

    shown = table("When", "Who", "What", "Detail")
    for one in events:
        shown.add_row(f"{one.at:%Y-%m-%d %H:%M:%S %Z}", one.actor, one.event, one.detail)
    console.print(shown, markup=False, highlight=False)
    numbers = ("Chunks", "Rows", "WAL", "Mean", "Longest", "Time")
    shown = table("Worker", *numbers[:5], right=numbers)
    for owner, count, rows, wal, mean, longest in by_worker:
        shown.add_row(owner, f"{count:,}", f"{rows:,}", size(wal), f"{mean:.3f} s", f"{longest:.3f} s")
    click.echo()
    console.print(shown, markup=False, highlight=False)
    shown = table("Finished", "Chunk", "State", "Up to key", "Rows", "Time", "WAL", "Worker", right=numbers)
    for kind, seq, part, hi, state, rows, _attempts, owner, wal, _started, finished, seconds in chunks:
        shown.add_row(
            f"{finished:%Y-%m-%d %H:%M:%S}",
            f"{kind} {seq}{part}",
            state,
            ", ".join(hi or ()),
            "" if rows is None else f"{rows:,}",
            "" if seconds is None else f"{seconds:.3f} s",
            "" if wal is None else size(wal),
            owner or "",
        )
    click.echo()
    console.print(shown, markup=False, highlight=False)
    return ExitCode.CLEAN
