"""What pause and cancel have in common: ask, wait until the workers have left, and say how it stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from sluicegate.errors import ExitCode

if TYPE_CHECKING:
    from sluicegate.backfill.states import Verb

_LOOK_EVERY = 0.2


def ask(verb: Verb, *, folder: str, name: str, url: str, wait: float, now: bool) -> int:
    """Ask it of a backfill; return the exit code: 0 reached, 1 asked for but workers are still at it.

    Args:
        verb: pause or cancel.
        folder: where the backfills are.
        name: which one.
        url: the target database.
        wait: seconds to wait for the workers.
        now: whether to have the chunks in hand rolled back.
    """
    from pathlib import Path

    from sluicegate.backfill import control
    from sluicegate.backfill.loader import load, select
    from sluicegate.backfill.states import NEXT, RunState
    from sluicegate.pg.connect import connect, translated
    from sluicegate.store import schema

    chosen = load(select(Path(folder), name))
    with (
        connect(
            url, application_name=f"sluicegate {verb} {chosen.name}", settings={"lock_timeout": "10s"}
        ) as connection,
        translated(f"asking backfill {chosen.name} to {verb}"),
    ):
        schema.require(connection)
        state = control.ask(connection, chosen.name, verb, actor=control.person())
        deadline = time.monotonic() + wait
        while state in (RunState.PAUSING, RunState.CANCELLING) and time.monotonic() < deadline:
            if now:
                control.stop_statements(connection, chosen.name)
            time.sleep(_LOOK_EVERY)
            state = control.settle(connection, chosen.name, actor=control.person())
        click.echo(f"Backfill {chosen.name}: {state.meaning}.")
        if state not in (RunState.PAUSING, RunState.CANCELLING):
            click.echo(NEXT[state].format(name=chosen.name), err=True)
            return ExitCode.CLEAN
        for one in control.workers(connection, chosen.name):
            click.echo(f"Still at its chunk: worker {one.owner}, last heard of {one.renewed_at:%H:%M:%S %Z}")
        click.echo(
            "They leave after their chunks. To roll the chunks back instead: "
            f"sluicegate backfill {verb} {chosen.name} --now",
            err=True,
        )
    return ExitCode.FINDINGS
