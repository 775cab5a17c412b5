"""``sluicegate backfill health``: what the throttle asks, what the server answers, and whether a run would be held."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from sluicegate.errors import ExitCode, ServerError

if TYPE_CHECKING:
    from rich.table import Table

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.throttle.health import Health


def report(found: list[tuple[LoadedBackfill, Health]], *, output: str, show_sql: bool) -> int:
    """Print what was found; return the exit code: 0 fine, 1 a run would be held, 4 something could not be asked."""
    from sluicegate.backfill.throttle.model import Verdict
    from sluicegate.cli.backfill_view import results

    if output == "json":
        click.echo(json.dumps([as_json(loaded, health) for loaded, health in found], indent=2, ensure_ascii=False))
    else:
        for number, (loaded, health) in enumerate(found):
            if number:
                click.echo()
            click.echo(f"Backfill {loaded.name}: {health.ending}")
            results().print(table_of(health))
            for signal, texts in health.asked.items() if show_sql else ():
                for text in texts:
                    click.echo(f"\n-- {signal}\n{text};")
    verdicts = {reading.verdict() for _loaded, health in found for reading in health.readings}
    if Verdict.UNKNOWN in verdicts:
        return ServerError.exit_code
    return ExitCode.FINDINGS if Verdict.HOLD in verdicts else ExitCode.CLEAN


def table_of(health: Health) -> Table:
    """Return the signals as a table: every figure with its limit, worst first."""
    from rich.table import Table

    from sluicegate.backfill.throttle.model import Unit, Verdict, written

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Signal")
    table.add_column("Verdict")
    table.add_column("Value", justify="right")
    table.add_column("Limit", justify="right")
    table.add_column("What", overflow="fold")
    for reading in health.readings:
        verdict = reading.verdict()
        worst = reading.worst
        if worst is None or verdict is Verdict.UNKNOWN:
            what = reading.absent or f"{reading.reason()}" or ""
            table.add_row(str(reading.signal), str(verdict), "", "", what)
            continue
        limit = "" if worst.unit is Unit.FLAG else written(worst.limit, worst.unit)
        value = written(worst.value, worst.unit)
        what = re.sub(r"( for| by| is|:)$", "", worst.what) + (f"; {worst.detail}" if worst.detail else "")
        table.add_row(str(reading.signal), str(verdict), value, limit, what)
    for signal in health.off:
        table.add_row(signal, str(Verdict.OFF), "", "", "switched off by policy or --throttle-off")
    return table


def as_json(loaded: LoadedBackfill, health: Health) -> dict[str, Any]:
    """Return the signals of one backfill as JSON's types, with every figure and the SQL that asked."""
    return {
        "backfill": loaded.name,
        "hold": list(health.reasons),
        "signals": [
            {
                "signal": str(reading.signal),
                "verdict": str(reading.verdict()),
                "error": reading.error,
                "cure": reading.cure if reading.error else None,
                "absent": reading.absent,
                "figures": [
                    {
                        "what": figure.what.rstrip(":"),
                        "value": figure.value,
                        "limit": figure.limit,
                        "unit": figure.unit.name.lower(),
                        "detail": figure.detail,
                    }
                    for figure in reading.figures
                ],
                "sql": health.asked.get(reading.signal, []),
            }
            for reading in health.readings
        ],
        "off": list(health.off),
    }
