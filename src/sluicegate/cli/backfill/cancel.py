"""``sluicegate backfill cancel``: call a backfill off."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import asking, invocation, options


@click.command()
@click.argument("name")
@options.place
@options.patience
def cancel(name: str, folder: str, policy_path: str | None, database_url: str | None, wait: float, now: bool) -> int:  # noqa: ARG001
    """Call a backfill off: workers finish their chunks and leave. What is written stays.

    Exit codes: 0 cancelled; 1 asked for, and workers are still at their chunks; 2 it is not in a state for that.
    """
    from sluicegate.backfill.states import Verb

    return asking.ask(Verb.CANCEL, folder=folder, name=name, url=invocation.required(database_url), wait=wait, now=now)
