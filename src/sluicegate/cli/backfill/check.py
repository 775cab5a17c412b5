"""``sluicegate backfill check``: would a run be refused, and why."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import invocation, options


@click.command()
@click.argument("name")
@options.place
@options.pace
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def check(
    name: str,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    batch_size: int | None,
    sleep: float | None,
    lease: float | None,
    output: str,
) -> int:
    """Ask the database everything that would make a backfill wrong, endless or slow; change nothing.

    Exit codes: 0 it may start, 1 it would be refused, 2 usage or configuration, 4 the server failed.
    """
    from sluicegate.cli.backfill_check import examined, report
    from sluicegate.settings.throttle import read_limits

    loaded, policy = invocation.load(folder, name, policy_path)
    pace = invocation.settings(loaded, policy, batch_size=batch_size, sleep=sleep, lease=lease)
    read_limits(policy)  # what a run would refuse is refused here
    checks = examined(loaded, policy, invocation.required(database_url), batch_size=pace.batch_size)
    return report(loaded, checks, output=output)
