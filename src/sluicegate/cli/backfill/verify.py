"""``sluicegate backfill verify``: the proof that no row is missing."""

from __future__ import annotations

import os

import click

from sluicegate.cli.backfill import invocation, options
from sluicegate.errors import ExitCode
from sluicegate.settings.operational import VERIFY_KEYS, VERIFY_SLEEP


@click.command()
@click.argument("name")
@options.place
@options.pace
@options.wait
@options.throttle
@click.option("--verify-keys", type=VERIFY_KEYS, metavar="KEYS", help=f"{VERIFY_KEYS.doc} {VERIFY_KEYS.accepted}.")
@click.option("--verify-sleep", type=VERIFY_SLEEP, metavar="SECONDS", help=f"{VERIFY_SLEEP.doc}")
@click.option("--count-only", is_flag=True, help="Only count; do not have missing rows worked off again.")
def verify(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    wait_for_writers: float | None,
    throttle_off: tuple[str, ...],
    verify_keys: int | None,
    verify_sleep: float | None,
    count_only: bool,
) -> int:
    """Prove that no row is missing, working off again what is; the proof opens the gate of the contract revision."""
    from sluicegate.backfill.states import RunState
    from sluicegate.cli.backfill_view import View
    from sluicegate.settings.operational import resolve
    from sluicegate.settings.throttle import read_limits
    from sluicegate.verify import orphans, proof

    loaded, policy = invocation.load(folder, name, policy_path)
    pace = invocation.settings(
        loaded, policy, batch_size=batch_size, sleep=sleep, lease=lease, wait_for_writers=wait_for_writers
    )
    table = (policy.operational.get("backfill", {}), str(policy.path))
    counting = proof.Counting(
        resolve(VERIFY_KEYS, flag=verify_keys, environment=os.environ, policy=table).value,
        resolve(VERIFY_SLEEP, flag=verify_sleep, environment=os.environ, policy=table).value,
    )
    limits = read_limits(policy, off=throttle_off)
    url = invocation.required(database_url)
    with View(loaded.name, None) as view, invocation.stopping() as around:
        found = proof.verify(loaded, url, pace, around(view), requeue=not count_only, counting=counting, limits=limits)
    if found.requeued:
        click.echo(f"Worked off again: {found.requeued} rows that were missing.")
    click.echo(invocation.rows_line(found.figures))
    if not found.interrupted and (gone := orphans.count(loaded, url, size=counting.keys)):
        click.echo(f"Orphans: {gone} sidecar rows without a row in {loaded.definition.table}.")
    if found.verified:
        upto = f" up to key {', '.join(found.upper)}" if found.upper else ""
        click.echo(f"Backfill {loaded.name}: verified{upto}. Its gate is open.")
        return ExitCode.CLEAN
    if found.interrupted:
        click.echo(f"Backfill {loaded.name}: NOT verified; stopped before the end.")
        return 130
    click.echo(f"Backfill {loaded.name}: NOT verified; it is {found.state.meaning}.")
    for key in found.missing_keys:
        reason = found.reasons.get(key)
        click.echo(f"  missing: key {', '.join(key)}" + (f": {reason}" if reason else ""))
    if found.figures.missing > len(found.missing_keys) and found.missing_keys:
        click.echo(f"  … and {found.figures.missing - len(found.missing_keys)} more")
    if found.state not in (RunState.FINISHED, RunState.FINISHED_WITH_PARKED):
        click.echo(f"Next: sluicegate backfill run {loaded.name}", err=True)
    return ExitCode.FINDINGS
