"""The errors that PL/pgSQL's own compiler finds in a DO block or a function's body before anything runs."""

from __future__ import annotations

import json
import re

import postgast

_ERRORS = (
    (re.compile(r"syntax error at or near|syntax error at end of input"), "42601"),
    (re.compile(r'^".*" is not a known variable$'), "42601"),
    (re.compile(r"^duplicate declaration"), "42601"),
    (re.compile(r"^unrecognized exception condition"), "42704"),
)
"""What libpg_query's compiler says, and the server's SQLSTATE for it. It knows no types of the database, so that its
other errors prove nothing."""


def compile_error(sql: str) -> tuple[str, str] | None:
    """Return SQLSTATE and message with which the server refuses to compile PL/pgSQL, or None.

    Args:
        sql: the DO or CREATE FUNCTION statement whose language is PL/pgSQL.
    """
    try:
        postgast.parse_plpgsql(sql)
    except postgast.PgQueryError as error:
        message = error.message.strip()
        return next(((sqlstate, message) for pattern, sqlstate in _ERRORS if pattern.search(message)), None)
    except json.JSONDecodeError:  # compiled; what libpg_query writes about a trigger function is not well-formed
        return None
    return None
