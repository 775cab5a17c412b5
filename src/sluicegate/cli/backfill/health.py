"""``sluicegate backfill health``: would a run be held, and by what."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import invocation, options


@click.command()
@click.argument("name", required=False)
@options.place
@options.throttle
@click.option("--sql", "show_sql", is_flag=True, help="Print the SQL that asked, as it was asked.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def health(
    name: str | None,
    folder: str,
    policy_path: str | None,
    database_url: str | None,
    throttle_off: tuple[str, ...],
    show_sql: bool,
    output: str,
) -> int:
    """Ask what a run asks before each chunk, of one backfill or all: would it be held, and by what?

    Exit codes: 0 no signal would hold it; 1 a signal would; 4 a signal could not be asked, which holds it too.
    """
    from pathlib import Path

    from sluicegate.backfill.loader import load_all
    from sluicegate.backfill.throttle.health import examine
    from sluicegate.cli.backfill_health import report
    from sluicegate.settings.policy import find_policy, load_policy
    from sluicegate.settings.throttle import read_limits

    if name:
        one, policy = invocation.load(folder, name, policy_path)
        chosen = [one]
    else:
        policy = load_policy(Path(policy_path) if policy_path else find_policy(Path(folder)))
        chosen = list(load_all(Path(folder)))
    limits = read_limits(policy, off=throttle_off)
    url = invocation.required(database_url)
    return report([(one, examine(one, url, limits)) for one in chosen], output=output, show_sql=show_sql)
