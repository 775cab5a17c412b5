"""``sluicegate backfill check``: everything that would make a backfill wrong, endless or slow, before it starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from sluicegate.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from sluicegate.backfill.checks import Check
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.settings.policy import Policy


class NotReadyError(UsageError):
    """The database is not as the backfill needs it."""


def examined(loaded: LoadedBackfill, policy: Policy, url: str, *, batch_size: int) -> list[Check]:
    """Ask the database everything, on a connection of its own.

    Raises:
        ServerError: the server cannot be reached, or failed meanwhile.
    """
    from sluicegate.backfill.examination import examine
    from sluicegate.pg.connect import connect, translated

    named = {"database": policy.database, "cluster": policy.cluster}
    expected = {key: value for key, value in named.items() if value is not None}
    with (
        connect(
            url,
            autocommit=False,
            application_name=f"sluicegate check {loaded.name}",
            settings={"lock_timeout": "2s", "statement_timeout": "1min"},
        ) as connection,
        translated(f"checking backfill {loaded.name}"),
    ):
        return examine(connection, loaded, batch_size=batch_size, expected=expected, append_only=policy.append_only)


def before_run(loaded: LoadedBackfill, policy: Policy, url: str, *, batch_size: int) -> None:
    """Make the checks before a run: refusals end it, warnings are said on stderr.

    Raises:
        NotReadyError: the database is not as the backfill needs it.
    """
    from sluicegate.backfill.checks import Verdict

    checks = examined(loaded, policy, url, batch_size=batch_size)
    refuse(loaded, checks)
    for check in checks:
        # The engine itself speaks of statistics, since it may collect them.
        if check.verdict is Verdict.WARNING and check.subject != "statistics":
            click.echo(f"{loaded.name}: {check.found} {check.cure}", err=True)


def refuse(loaded: LoadedBackfill, checks: Iterable[Check]) -> None:
    """Refuse to start when any check says so, naming all of them.

    Raises:
        NotReadyError: with every reason and every cure.
    """
    from sluicegate.backfill.examination import refused

    found = refused(checks)
    if len(found) == 1:
        raise NotReadyError(found[0].found, hint=found[0].cure)
    if found:
        lines = [f"  {check.subject}: {check.found}\n    {check.cure}" for check in found]
        raise NotReadyError(
            "\n".join([f"Backfill {loaded.name} cannot start, for {len(found)} reasons:", *lines]),
            hint=f"See all checks with: sluicegate backfill check {loaded.name}",
        )


def table_of(checks: Sequence[Check]) -> Table:
    """Return the checks as a table, refusals first."""
    from rich.table import Table

    from sluicegate.backfill.checks import Verdict

    order = [Verdict.REFUSED, Verdict.WARNING, Verdict.UNKNOWN, Verdict.OK]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Verdict")
    table.add_column("Check")
    table.add_column("Found, and what to do", overflow="fold")
    for check in sorted(checks, key=lambda check: order.index(check.verdict)):
        table.add_row(str(check.verdict), check.subject, check.found + (f"\n→ {check.cure}" if check.cure else ""))
    return table


def as_json(loaded: LoadedBackfill, checks: Sequence[Check]) -> str:
    """Return the checks as JSON, in the order they were made."""
    from sluicegate.backfill.examination import refused

    return json.dumps(
        {
            "backfill": loaded.name,
            "refused": bool(refused(checks)),
            "checks": [
                {"check": one.subject, "verdict": str(one.verdict), "found": one.found, "cure": one.cure}
                for one in checks
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def report(loaded: LoadedBackfill, checks: Sequence[Check], *, output: str) -> int:
    """Print the checks; return the exit code."""
    from sluicegate.backfill.checks import Verdict
    from sluicegate.backfill.examination import refused
    from sluicegate.cli.backfill_view import results

    if output == "json":
        click.echo(as_json(loaded, checks))
    else:
        results().print(table_of(checks), markup=False, highlight=False)
        counts = {verdict: sum(check.verdict is verdict for check in checks) for verdict in Verdict}
        ending = "cannot start" if refused(checks) else "may start"
        click.echo(
            f"Backfill {loaded.name} {ending}: {counts[Verdict.REFUSED]} refused, {counts[Verdict.WARNING]} warned, "
            f"{counts[Verdict.UNKNOWN]} unknown, {counts[Verdict.OK]} ok."
        )
    return ExitCode.FINDINGS if refused(checks) else ExitCode.CLEAN
