"""What one run of a statement showed, and how it became known."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode, Refusal
from sluicegate.errors import ParseError
from sluicegate.pg.errors import words_of
from sluicegate.statements.parse import Statement, parse_script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

_ACTIVE_TRANSACTION = "25001"


class Method(enum.StrEnum):
    """How the effects became known."""

    IN_TRANSACTION = "read inside its own transaction"
    BLOCKED = "read from pg_locks while another session stood in its way"
    STRIPPED = "run without CONCURRENTLY"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run of a statement showed.

    Attributes:
        effects: the statement's own effects; ``locks`` are those it took itself.
        held: modes that the transaction already held on a relation before the statement. A mode that is held
            already cannot be seen being taken again.
        seconds: how long the server worked on it, measured at the client.
        wal_bytes: how much write-ahead log the server wrote meanwhile, all sessions together; None if not known.
        notices: the server's own words about what it read, rewrote, built or could skip.
        invalid_indexes: indexes that the statement left invalid.
        method: how the effects became known.
    """

    effects: Effects
    held: Mapping[str, frozenset[LockMode]] = field(default_factory=dict)
    seconds: float = 0.0
    wal_bytes: int | None = None
    notices: tuple[str, ...] = ()
    invalid_indexes: tuple[str, ...] = ()
    method: Method = Method.IN_TRANSACTION


def parsed(sql: str) -> tuple[Statement, ...]:
    """Parse SQL for what observation wants to know; text that our grammar cannot read gives nothing."""
    try:
        return parse_script(sql)
    except ParseError:
        return ()


def rejected(error: psycopg.Error, statements: Sequence[Statement]) -> Effects:
    """Return the effects of a statement that the server rejected."""
    if forbidden(error, statements):
        return Effects(
            in_transaction=InTransaction.FORBIDDEN,
            certainty=Certainty.UNKNOWN,
            unknowns=("the statement runs only outside a transaction block, so it was not run",),
        )
    return Effects(error=Refusal(error.sqlstate or "", error.diag.message_primary or words_of(error)))


def forbidden(error: psycopg.Error, statements: Sequence[Statement]) -> bool:
    """Tell whether the server rejected a statement only because it is inside a transaction block."""
    # The same SQLSTATE answers a SET TRANSACTION that comes too late.
    late = any(statement.kind in ("variable_set_stmt", "transaction_stmt") for statement in statements)
    return error.sqlstate == _ACTIVE_TRANSACTION and not late
