"""``sluicegate backfill run --dry-run``: the table of what one chunk costs, and what all of them would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sluicegate.errors import ExitCode

if TYPE_CHECKING:
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.pace import Pace
    from sluicegate.backfill.trial import Trial


def report(loaded: LoadedBackfill, url: str, pace: Pace, *, owed: int | None, workers: int) -> int:
    """Try a chunk and print the table; return the exit code."""
    import time

    from rich.table import Table

    from sluicegate.backfill.trial import attempt
    from sluicegate.cli.backfill_view import results

    found = attempt(loaded, url, batch_size=pace.batch_size, clock=time.perf_counter)
    if not found.rows:
        click.echo(f"Backfill {loaded.name}: no chunk that was looked at owes any row; nothing was measured.")
        return ExitCode.CLEAN
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, value in lines(found, pace, owed=owed, workers=workers):
        table.add_row(label, value)
    click.echo(f"Backfill {loaded.name}: one chunk was written in database {found.database} and rolled back.")
    results().print(table, markup=False, highlight=False)
    click.echo(
        f"Nothing changed: the server says that transaction {found.xact} is aborted; the ledger was not touched. What "
        "stays are dead row versions for vacuum, and numbers that sequences gave out."
    )
    return ExitCode.CLEAN


def lines(found: Trial, pace: Pace, *, owed: int | None, workers: int) -> list[tuple[str, str]]:
    """Return the table's lines: what was measured, then what follows for all rows."""
    from sluicegate.cli.backfill_view import duration, size

    upto = f", up to key {', '.join(found.keys)}" if found.keys else ""
    hot = f"{found.hot / found.updated:.0%} of {found.updated:,} updates" if found.updated else "no row was updated"
    measured = [
        ("Chunk", f"{found.rows:,} rows{upto}, in {found.seconds:.3f} s"),
        (
            "Rate",
            f"{found.rows / found.seconds:,.0f} rows/s without the pause" if found.seconds else "too fast to tell",
        ),
        ("WAL", f"{found.wal_bytes / found.rows:,.0f} bytes a row (the whole server's, meanwhile)"),
        ("Growth", f"{size(found.growth_bytes)} for this chunk, with indexes"),
        ("HOT", hot),
        *(("Lock", f"{', '.join(modes)} on {name}") for name, modes in found.locks.items()),
    ]
    if owed is None and found.estimate < 0:
        return [*measured, ("All rows", "unknown: the table has no statistics and was not counted")]
    total = owed if owed is not None else found.estimate
    about = f"{total:,} rows" if owed is not None else f"at most about {total:,} rows (the planner's estimate)"
    chunks = -(-total // found.rows)
    seconds = chunks * (found.seconds + pace.sleep) / workers
    pauses = f"{pace.sleep:g} s between chunks" + (f", {workers} workers" if workers > 1 else "")
    return [
        *measured,
        ("All rows", f"{about} in {chunks:,} chunks"),
        ("Duration", f"about {duration(seconds)} with {pauses}"),
        ("Total WAL", f"about {size(found.wal_bytes * total // found.rows)}"),
        ("Total growth", f"about {size(found.growth_bytes * total // found.rows)} before vacuum"),
    ]
