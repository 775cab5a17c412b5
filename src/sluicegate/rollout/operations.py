"""Alembic operations of ours: importing this module registers them; Alembic 1.18 and later does so by itself."""

from __future__ import annotations

import re
from typing import Any

from alembic.operations import MigrateOperation, Operations
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

_NAME = re.compile(r"[A-Za-z0-9_]+")


@Operations.register_operation("require_backfill")
class RequireBackfill(MigrateOperation):
    """Stop the revision here unless a backfill is verified."""

    def __init__(self, name: str) -> None:
        """Wait for a backfill, given by its number (``0003``) or its name (``0003_event_status``)."""
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise CommandError(f"op.require_backfill({name!r}): give a backfill's number or name, such as '0003'.")
        self.name = name

    @classmethod
    def require_backfill(cls, operations: Operations, name: str) -> None:
        """Stop the revision here unless the backfill of this number or name is verified.

        Online, a closed gate raises ``sluicegate.rollout.gates.GateClosedError`` and nothing of the revision stays;
        with ``--sql`` the same check is printed and holds when the script is run.
        """
        operations.invoke(cls(name))

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return the operation as autogenerate lists it."""
        return ("require_backfill", self.name)


@Operations.implementation_for(RequireBackfill)
def _require_backfill(operations: Operations, operation: RequireBackfill) -> None:
    try:
        operations.execute(f"SELECT sluicegate.require_backfill('{operation.name}')")
    except DBAPIError as error:
        # At the top it would be circular: Alembic may load this module while `gates` is still importing Alembic.
        from sluicegate.rollout.gates import explain

        closed = explain(error, operation.name)
        if closed is None:
            raise
        raise closed from error
