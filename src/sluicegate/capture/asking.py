"""Live capture inside the reading process: statements go to a real server, by way of the process that started this one.

The reading process itself opens no connection, so it stays as isolated as it is while it only records.
"""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING, Any

from sluicegate.capture import dbapi
from sluicegate.capture.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.capture.session import SessionTracker

# PEP 249's classes by the class of the SQLSTATE, as psycopg 2 and 3 have them (PostgreSQL 18 manual, appendix A).
_CLASSES: dict[str, type[dbapi.Error]] = {
    "0A": dbapi.NotSupportedError,
    "20": dbapi.ProgrammingError,
    "21": dbapi.ProgrammingError,
    "22": dbapi.DataError,
    "23": dbapi.IntegrityError,
    "24": dbapi.InternalError,
    "25": dbapi.InternalError,
    "26": dbapi.ProgrammingError,
    "2F": dbapi.OperationalError,
    "34": dbapi.OperationalError,
    "39": dbapi.OperationalError,
    "3B": dbapi.OperationalError,
    "3D": dbapi.ProgrammingError,
    "3F": dbapi.ProgrammingError,
    "40": dbapi.OperationalError,
    "42": dbapi.ProgrammingError,
    "44": dbapi.ProgrammingError,
    "53": dbapi.OperationalError,
    "54": dbapi.OperationalError,
    "55": dbapi.OperationalError,
    "57": dbapi.OperationalError,
    "58": dbapi.OperationalError,
    "P0": dbapi.InternalError,
    "XX": dbapi.InternalError,
}


def driver_error(sqlstate: str, message: str) -> dbapi.Error:
    """Return a server's error as a driver raises it."""
    error = _CLASSES.get(sqlstate[:2], dbapi.DatabaseError)(message)
    error.sqlstate = sqlstate
    return error


class Asking:
    """The server, from the recorder's side."""

    def __init__(self, ask: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Ask through this function: a question out, its answer back."""
        self._ask = ask
        self._numbers: dict[int, int] = {}
        self._known: list[SessionTracker] = []  # keeps them alive, so that no other gets the same id

    def execute(self, session: SessionTracker, sql: str) -> Answer:
        """Run a statement in a session and return what came back.

        Raises:
            dbapi.Error: the server refused it.
        """
        reply = self._ask({"session": self._number(session), "sql": sql})
        if reply["error"] is not None:
            raise driver_error(*reply["error"])
        columns = reply["columns"]
        rows = pickle.loads(base64.b64decode(reply["rows"]))  # noqa: S301 - written by the process that started us
        return Answer(None if columns is None else tuple(columns), rows, reply["rowcount"], reply["certain"], sql)

    def close(self, session: SessionTracker) -> None:
        """End a session."""
        self._ask({"session": self._number(session), "sql": None})

    def _number(self, session: SessionTracker) -> int:
        if id(session) not in self._numbers:
            self._numbers[id(session)] = len(self._known)
            self._known.append(session)
        return self._numbers[id(session)]
