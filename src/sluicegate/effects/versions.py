"""Grammar that a server does not know yet: the parser speaks PostgreSQL 18, the server may be older."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluicegate.effects.model import Refusal
    from sluicegate.statements.parse import Statement


def newer_syntax(_statement: Statement, _version: int) -> Refusal | None:
    """Return the syntax error with which a server of this version rejects the statement, or None."""
    return None
