"""Parts of an expression whose value changes without its row changing."""

from __future__ import annotations

from typing import Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import deparse, strings, walk_kinds

# Functions of time, session and chance that people put into a CHECK; PostgreSQL 18 manual, 9.9.5 and 9.27.
_MOVING = frozenset(
    {
        *("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday"),
        *("random", "gen_random_uuid", "current_setting", "nextval", "currval", "pg_backend_pid"),
    }
)


def moving_parts(expression: Any) -> list[str]:
    """Return the calls in an expression that answer differently tomorrow, as they are written."""
    found = [
        f"{strings(call.funcname)[-1]}()"
        for call in walk_kinds(expression, pg.FuncCall)
        if strings(call.funcname)[-1] in _MOVING
    ]
    found += [deparse(value) for value in walk_kinds(expression, pg.SQLValueFunction)]
    return list(dict.fromkeys(found))
