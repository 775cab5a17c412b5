"""``sluicegate backfill pause``: have the workers leave, and keep others from starting."""

from __future__ import annotations

import click

from sluicegate.cli.backfill import asking, invocation, options


@click.command()
@click.argument("name")
@options.place
@options.patience
def pause(name: str, folder: str, policy_path: str | None, database_url: str | None, wait: float, now: bool) -> int:  # noqa: ARG001
    """Have all workers, on all hosts, finish their chunks and leave; none starts again before resume.

    Exit codes: 0 paused; 1 asked for, and workers are still at their chunks; 2 it is not in a state for that.
    """
    from sluicegate.backfill.states import Verb

    return asking.ask(Verb.PAUSE, folder=folder, name=name, url=invocation.required(database_url), wait=wait, now=now)
