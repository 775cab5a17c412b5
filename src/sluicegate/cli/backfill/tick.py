"""``sluicegate backfill tick``: look for rows that came later, often and cheaply; made for cron."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode
from sluicegate.settings.operational import TICK_WINDOW

if TYPE_CHECKING:
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.verify.tick import Tick


@click.command()
@click.argument("name")
@options.place
@options.pace
@options.throttle
@click.option("--window", type=TICK_WINDOW, metavar="KEYS", help=f"{TICK_WINDOW.doc} Accepted: {TICK_WINDOW.accepted}.")
@click.option("--report", is_flag=True, help="Only count; work nothing off and remember nothing.")
@click.option("--stale", "whole", is_flag=True, help="Look at every row, also for sources that changed since.")
@click.option("--clean-orphans", is_flag=True, help="Remove sidecar rows whose base row is gone.")
@click.option("--quiet", is_flag=True, help="Say nothing when nothing was found, so that cron sends no mail.")
def tick(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    throttle_off: tuple[str, ...],
    window: int | None,
    report: bool,
    whole: bool,
    clean_orphans: bool,
    quiet: bool,
) -> int:
    """Work off rows that came after the last look, and parked ones; what it costs does not grow with the table.

    Exit codes: 0 nothing is missing; 1 rows are missing or parked, or the backfill is held; 2 usage or configuration;
    4 the server or the run failed; 130 stopped on request.
    """
    from sluicegate.backfill.append_only import refuse_changes
    from sluicegate.cli.backfill_view import View
    from sluicegate.settings.operational import resolve
    from sluicegate.settings.throttle import read_limits
    from sluicegate.verify import orphans
    from sluicegate.verify import tick as looking

    loaded, policy = invocation.load(folder, name, policy_path)
    pace = invocation.settings(loaded, policy, batch_size=batch_size, sleep=sleep, lease=lease)
    table = (policy.operational.get("backfill", {}), str(policy.path))
    keys = resolve(TICK_WINDOW, flag=window, environment=os.environ, policy=table).value
    refuse_changes(loaded, policy.append_only, str(policy.path))
    limits = read_limits(policy, off=throttle_off)
    url = invocation.required(database_url)
    with View(loaded.name, None) as view, invocation.stopping() as around:
        found = looking.tick(loaded, url, pace, around(view), window=keys, work=not report, whole=whole, limits=limits)
        removed = orphans.clean(loaded, url, pace, around(view)) if clean_orphans and not report else 0
    if found.found or removed or not found.complete or not quiet:
        click.echo(described(loaded, found))
        if removed:
            click.echo(f"Orphans: {removed} sidecar rows without a row in {loaded.definition.table} removed.")
        if found.proof_withdrawn:
            click.echo(
                f"The proof covered some of them and is withdrawn. Next: sluicegate backfill verify {loaded.name}"
            )
    if found.interrupted:
        return 130
    return ExitCode.CLEAN if found.complete else ExitCode.FINDINGS


def described(loaded: LoadedBackfill, found: Tick) -> str:
    """Return what a tick found, in one line."""
    if not found.looked:
        return f"Backfill {loaded.name}: left alone, it is {found.state.meaning}."
    parts = [f"{found.found} rows found", f"{found.found - found.left} written", f"{found.left} missing"]
    if found.parked:
        parts.append(f"{found.parked} parked")
    if found.upper is None:
        where = "the table is empty"
    elif found.above is None:
        where = f"every key up to {', '.join(found.upper)}"
    else:
        where = f"keys above {', '.join(found.above)} up to {', '.join(found.upper)}"
    return f"Backfill {loaded.name}: {', '.join(parts)} ({where})."
