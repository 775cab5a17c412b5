"""PostgreSQL's errors in words that help at 3 a.m.: what happened, why, and what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg

from sluicegate.errors import ServerError


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a SQLSTATE means to the reader: ``why`` it happens and what to do ``next``."""

    why: str
    next: str


_UNREACHABLE = Explanation(
    "The server could not be reached, or the connection broke.",
    "Check host, port and network, and that the server runs; then try again.",
)
_REFUSED_LOGIN = Explanation(
    "The server does not let this user in.",
    "Check user, password and the server's pg_hba.conf; the password may also come from PGPASSWORD or ~/.pgpass.",
)
_RETRY_TRANSACTION = Explanation(
    "The server cancelled this transaction so that others can go on; nothing of it remains.",
    "Run it again from its start.",
)

# PostgreSQL 18 manual, appendix A "PostgreSQL Error Codes". A two-character key stands for its class.
EXPLANATIONS: dict[str, Explanation] = {
    "08": _UNREACHABLE,
    "08P01": Explanation(
        "A pooler between us and the server does not accept this connection.",
        "Take options= and server settings out of the URL, or connect to the server itself.",
    ),
    "0A000": Explanation(
        "This server's version, or this kind of relation, does not support the statement.",
        "Compare the server's version with the one the statement needs.",
    ),
    "22P02": Explanation(
        "A text is no valid value of the type.", "Correct the value or the cast that the message names."
    ),
    "23502": Explanation("Rows hold NULL where NOT NULL is asked.", "Fill those rows first, then run it again."),
    "23503": Explanation(
        "Rows point to rows that do not exist.", "Repair or remove the orphans first, then run it again."
    ),
    "23505": Explanation("Rows hold the same key twice.", "Remove the duplicates first, then run it again."),
    "23514": Explanation("Rows violate the check.", "Repair those rows first, then run it again."),
    "25001": Explanation(
        "The server runs this statement only outside a transaction block.",
        "In Alembic, put it under `with op.get_context().autocommit_block():`.",
    ),
    "25006": Explanation(
        "The session is read-only; a standby always is.", "Connect to the primary, with a session that may write."
    ),
    "25P02": Explanation(
        "An earlier statement of the same transaction failed.", "Look for the first error; this one follows from it."
    ),
    "25P03": Explanation(
        "The transaction was idle for longer than idle_in_transaction_session_timeout.",
        "Run it again; if it comes back, find what the client waited for inside the transaction.",
    ),
    "25P04": Explanation(
        "The transaction lasted longer than transaction_timeout.",
        "Make it smaller, or raise transaction_timeout for it.",
    ),
    "28": _REFUSED_LOGIN,
    "2BP01": Explanation("Other objects depend on this one.", "Drop or change them first; CASCADE takes them along."),
    "3D000": Explanation("There is no database of that name on this server.", "Check the name at the end of the URL."),
    "3F000": Explanation("There is no schema of that name.", "Check search_path, or create the schema first."),
    "40001": _RETRY_TRANSACTION,
    "40P01": _RETRY_TRANSACTION,
    "42501": Explanation(
        "The user lacks a privilege.",
        "Connect as the owner, or have the owner grant what the message names.",
    ),
    "42601": Explanation(
        "The server cannot parse the statement; a newer version's syntax looks like that to an older server.",
        "Correct it at the place the message names, or run it on the version it was written for.",
    ),
    "42703": Explanation(
        "There is no column of that name.", "Check the name, and whether an earlier revision has run."
    ),
    "42704": Explanation(
        "There is no object, type or extension of that name.", "Check the name, search_path and installed extensions."
    ),
    "42701": Explanation(
        "The column is there already.", "An earlier, half-finished run may have made it: compare first."
    ),
    "42710": Explanation(
        "The object is there already.", "An earlier, half-finished run may have made it: compare first."
    ),
    "42883": Explanation(
        "There is no function or operator for these argument types.", "Check the name, the casts and search_path."
    ),
    "42P01": Explanation(
        "There is no relation of that name.", "Check the name, search_path, and whether an earlier revision has run."
    ),
    "42P07": Explanation(
        "The relation is there already.", "An earlier, half-finished run may have made it: compare before you drop it."
    ),
    "53100": Explanation("The server's disk is full.", "Free space on the server, then try again."),
    "53200": Explanation("The server is out of memory.", "Lower maintenance_work_mem or work_mem, or add memory."),
    "53300": Explanation(
        "Every connection slot of the server is taken.",
        "Close idle connections or wait; max_connections is the server's limit.",
    ),
    "55006": Explanation(
        "Another session uses the object right now.", "Look for it in pg_stat_activity, end it, and try again."
    ),
    "55P03": Explanation(
        "Another session held a conflicting lock for longer than lock_timeout.",
        "Nothing was changed. Try again when the blocker is gone; pg_blocking_pids() names it.",
    ),
    "57014": Explanation(
        "The statement ran into statement_timeout, or someone cancelled it.",
        "Raise statement_timeout for it, or give it less to do; nothing of the statement remains.",
    ),
    "57P01": Explanation(
        "The server was shut down, or an administrator ended the session.",
        "Connect again; what was not committed is gone.",
    ),
    "57P02": Explanation(
        "A process of the server crashed, and it restarted all sessions.",
        "Read the server's log; connect again, what was not committed is gone.",
    ),
    "57P03": Explanation("The server is starting, recovering or shutting down.", "Wait a moment and try again."),
    "XX": Explanation("The server found an error inside itself.", "Read the server's log before trying again."),
}

# A refusal while connecting carries no SQLSTATE through libpq, only its English (or translated) text.
_CONNECTING: tuple[tuple[str, str], ...] = (
    (r"password authentication failed|no password supplied|fe_sendauth", "28P01"),
    (r"no pg_hba\.conf entry|authentication failed|role \"[^\"]*\" (does not exist|is not permitted)", "28000"),
    (r"database \"[^\"]*\" does not exist", "3D000"),
    (r"too many (clients|connections)|remaining connection slots", "53300"),
    (r"is (starting up|shutting down|not accepting connections|not yet accepting connections)|recovery mode", "57P03"),
    (r"permission denied for database", "42501"),
    # What libpq says of a host that target_session_attrs does not allow.
    (r"session is read-only|server is in hot standby mode", "25006"),
    (r"unsupported startup parameter|query_wait_timeout|no more connections allowed", "08P01"),
)


def explanation(sqlstate: str | None) -> Explanation | None:
    """Return what is known about a SQLSTATE: its own entry, else that of its class."""
    if sqlstate is None:
        return None
    return EXPLANATIONS.get(sqlstate) or EXPLANATIONS.get(sqlstate[:2])


def sqlstate_of(error: psycopg.Error) -> str | None:
    """Return the error's SQLSTATE; while connecting it is told from the text, ``08001`` when nothing else fits."""
    if error.sqlstate is not None:
        return error.sqlstate
    if not isinstance(error, psycopg.OperationalError):
        return None
    text = str(error)
    for pattern, sqlstate in _CONNECTING:
        if re.search(pattern, text):
            return sqlstate
    return "08006" if "closed" in text or "lost" in text else "08001"


def words_of(error: psycopg.Error) -> str:
    """Return the server's words on one line: its message, detail and context, or libpq's text."""
    primary = error.diag.message_primary
    if primary is None:
        return " ".join(str(error).split()) or type(error).__name__
    detail = error.diag.message_detail
    return f"{primary} ({detail})" if detail else primary


def translate(error: psycopg.Error, doing: str = "") -> ServerError:
    """Turn a driver error into ours.

    Args:
        error: what psycopg raised.
        doing: what was being done, to open the message, such as ``creating the clone``.
    """
    sqlstate = sqlstate_of(error)
    known = explanation(sqlstate)
    words = words_of(error).rstrip(".")
    message = f"{words[:1].upper()}{words[1:]}" if not doing else f"{doing[:1].upper()}{doing[1:]} failed: {words}"
    message += f" (SQLSTATE {sqlstate})." if sqlstate else "."
    if known is not None:
        message += f" {known.why}"
    hint = error.diag.message_hint or (known.next if known else None)
    return ServerError(message, sqlstate=sqlstate, hint=hint)
