"""``sluicegate backfill status``: how far a backfill is, once or for as long as one watches."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.standing import Standing
    from sluicegate.store.runs import Connection


@click.command()
@click.argument("name", required=False)
@options.place
@click.option("--watch", is_flag=True, help="Show it again and again until nothing is running; needs a name.")
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often with --watch.",
)
@options.form
@options.textfile
def status(
    name: str | None,
    folder: str,
    policy_path: str | None,  # noqa: ARG001 - one set of options
    database_url: str | None,
    watch: bool,
    interval: float,
    output: str,
    textfile: str | None,
) -> int:
    """Show how far a backfill is, or all of them.

    Exit codes: 0 shown; 2 usage or configuration; 4 the server cannot be asked.
    """
    from sluicegate.backfill import standing
    from sluicegate.backfill.loader import load, load_all, select
    from sluicegate.cli.backfill import metrics
    from sluicegate.cli.backfill_view import overview, results
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import runs, schema

    if watch and not name:
        raise UsageError("--watch needs a backfill's name.", hint="Name it: sluicegate backfill status NAME --watch")
    url = invocation.required(database_url)
    chosen = [load(select(Path(folder), name))] if name else list(load_all(Path(folder)))
    with connect(url) as connection, translated("reading the backfills"):
        schema.require(connection)
        if watch:
            return _watch(connection, chosen[0], interval, output)
        found = {one.name: standing.read(connection, one.name) for one in chosen}
        known = [one for one in found.values() if one is not None]
        if textfile:
            metrics.write(Path(textfile), known, time.time())
        if output == "json":
            texts = [one.as_json() if one else {"backfill": name, "state": "planned"} for name, one in found.items()]
            click.echo(json.dumps(texts[0] if name else texts, indent=2, ensure_ascii=False))
        elif name and known:
            _show(known[0])
        else:
            results().print(overview(chosen, {row.name: row for row in runs.get_all(connection)}))
    return ExitCode.CLEAN


def _show(found: Standing) -> None:
    from sluicegate.cli.backfill_view import detail, results

    console = results()
    console.print(detail(found))
    for one in found.parked:
        console.print(f"Parked: key {', '.join(one.key)}: {one.reason}", markup=False, highlight=False)


def _watch(connection: Connection, chosen: LoadedBackfill, interval: float, output: str) -> int:
    """Show it until nothing is running: in place on a terminal, else a line or a JSON object each time."""
    from rich.console import Console
    from rich.live import Live

    from sluicegate.backfill import standing
    from sluicegate.backfill.states import RunState
    from sluicegate.cli.backfill_view import detail, line

    screen = Console()
    live = Live(console=screen, auto_refresh=False) if screen.is_terminal and output == "table" else None
    if live is not None:
        live.start()
    try:
        while True:
            found = standing.read(connection, chosen.name)
            if found is None:
                click.echo(f"Backfill {chosen.name}: not started.")
                return ExitCode.CLEAN
            if live is not None:
                live.update(detail(found), refresh=True)
            elif output == "json":
                click.echo(json.dumps(found.as_json(), ensure_ascii=False))
            else:
                click.echo(line(found))
            moving = found.row.state in (RunState.RUNNING, RunState.PAUSING, RunState.CANCELLING)
            if not moving or found.orphaned:
                return ExitCode.CLEAN
            time.sleep(interval)
    except KeyboardInterrupt:
        return ExitCode.CLEAN  # whoever watches may stop at any time; the backfill goes on
    finally:
        if live is not None:
            live.stop()
