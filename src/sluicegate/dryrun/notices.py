"""The server's own reasons: it says at DEBUG1 why it reads, rewrites or builds something, and why it need not."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from psycopg.rows import TupleRow

# PostgreSQL 12-18, tablecmds.c, index.c: messages at DEBUG1. The wording is the untranslated one, which
# lc_messages = 'C' guarantees; under another language only the counters speak.
_TELLING = re.compile(
    r"rewriting table|verifying table|validating foreign key|building index|sufficient to prove"
    r"|implied by existing constraints|will implicitly create|column default|drop cascades to|already exists, skipping"
    r"|does not exist, skipping"
)
_VALIDATED = re.compile(r'^validating foreign key constraint "(.*)"$')
_REWRITE_EVENT = re.compile(r"^sluicegate table_rewrite (\d+) (\d+)$")

# PostgreSQL 18 manual, 9.30.3 "Handling a Table Rewrite Event"; event_trigger.h AT_REWRITE_*.
_REASONS = {
    1: "its persistence changes",
    2: "a column's default or generated value must be written into every row",
    4: "a column's type changes",
    8: "its access method changes",
}


class Notices:
    """Collects what the server says while a statement runs."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @contextmanager
    def listening(self, connection: psycopg.Connection[TupleRow]) -> Iterator[None]:
        """Collect the connection's notices inside the block, forgetting what was collected before."""
        self._lines = []

        def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
            self._lines.append(diagnostic.message_primary or "")
            if diagnostic.message_detail and "drop cascades" in (diagnostic.message_primary or ""):
                self._lines.extend(diagnostic.message_detail.splitlines())

        connection.add_notice_handler(hear)
        try:
            yield
        finally:
            connection.remove_notice_handler(hear)

    def telling(self) -> tuple[str, ...]:
        """Return the lines that explain the statement's work, without the server's housekeeping."""
        return tuple(line for line in self._lines if _TELLING.search(line))

    def validated_foreign_keys(self) -> tuple[str, ...]:
        """Return the names of foreign keys whose rows were checked."""
        return tuple(match[1] for line in self._lines if (match := _VALIDATED.match(line)))

    def rewrite_reasons(self) -> dict[int, str]:
        """Return why tables were rewritten, by OID, where the event trigger of ``install`` reported it."""
        found: dict[int, str] = {}
        for line in self._lines:
            if match := _REWRITE_EVENT.match(line):
                reason = int(match[2])
                words = [text for bit, text in _REASONS.items() if reason & bit]
                found[int(match[1])] = " and ".join(words) or f"reason {reason}"
        return found


def install(connection: psycopg.Connection[TupleRow]) -> None:
    """Have every rewrite reported with its reason. Needs a superuser, so it is for scratch databases only."""
    connection.execute(
        """
        CREATE FUNCTION pg_catalog.sluicegate_report_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE DEBUG 'sluicegate table_rewrite % %',
                pg_catalog.pg_event_trigger_table_rewrite_oid()::bigint,
                pg_catalog.pg_event_trigger_table_rewrite_reason();
        END
        $$
        """
    )
    connection.execute(
        "CREATE EVENT TRIGGER sluicegate_report_rewrite ON table_rewrite"
        " EXECUTE FUNCTION pg_catalog.sluicegate_report_rewrite()"
    )
