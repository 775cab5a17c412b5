"""What a closed gate says to whoever runs the revision behind it."""

from __future__ import annotations

from typing import Any

from alembic.util import CommandError

from sluicegate.errors import SluicegateError

GATE_CLOSED = "SG001"
"""The SQLSTATE that ``sluicegate.require_backfill`` raises."""

_NO_SCHEMA = {"3F000": "no schema sluicegate", "42883": "no function sluicegate.require_backfill(text)"}


class GateClosedError(SluicegateError, CommandError):
    """A revision relies on a backfill that is not proved complete, so it does not run.

    It is an Alembic error too, so that ``alembic upgrade`` prints it instead of a traceback.
    """

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


def explain(error: BaseException, name: str) -> GateClosedError | None:
    """Return what a driver's error means for a gate; None when it means something else.

    Args:
        error: what psycopg, psycopg2 or asyncpg raised, perhaps wrapped by SQLAlchemy.
        name: the backfill that the gate waits for.
    """
    original: Any = getattr(error, "orig", None) or error
    sqlstate = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if sqlstate == GATE_CLOSED:
        said = getattr(original, "diag", None) or original
        message = getattr(said, "message_primary", None) or str(original).splitlines()[0]
        detail = getattr(said, "message_detail", None) or getattr(said, "detail", None)
        hint = getattr(said, "message_hint", None) or getattr(said, "hint", None)
        text = f"{message[:1].upper()}{message[1:]}."
        return GateClosedError(f"{text} {detail}" if detail else text, hint=hint)
    if sqlstate in _NO_SCHEMA:
        return GateClosedError(
            f"The gate of backfill {name} cannot be asked: the database has {_NO_SCHEMA[sqlstate]}.",
            hint="Write its revision with: sluicegate init; and let this revision come after it.",
        )
    return None
