"""Count a backfill's rows on a connection of its own, for whoever wants to show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.backfill import preflight
from sluicegate.backfill.session import open_session
from sluicegate.pg.connect import translated
from sluicegate.verify import rows

if TYPE_CHECKING:
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.verify.rows import Figures


def survey(loaded: LoadedBackfill, url: str, *, at_most: int | None = None) -> Figures | None:
    """Count which rows are owed work and which of them lack it.

    Args:
        loaded: the backfill.
        url: the database.
        at_most: do not count a table that the planner takes for larger; None counts any.

    Raises:
        PreflightError: the database is not as the backfill needs it.
        ServerError: the server cannot be asked.
    """
    with translated(f"counting the rows of backfill {loaded.name}"):
        connection = open_session(url, loaded.name, lease_seconds=600)
        try:
            connection.keep("statement_timeout", "30min")
            checked = preflight.inspect(connection, loaded.definition)
            connection.commit()
            if at_most is not None and checked.estimate > at_most:
                return None
            return rows.count(connection, checked.statements)
        finally:
            connection.close()
