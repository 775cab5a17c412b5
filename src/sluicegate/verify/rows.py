"""Count, in the database, which rows are owed work and which of them lack it, range by range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.backfill.chunks import Bound, Range
from sluicegate.backfill.statements import bound_parameters
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection

RANGE = 100_000
"""Keys counted by one statement: each range is one snapshot, none is held for long."""

_WINDOW = 16


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted.

    Attributes:
        owed: rows that satisfy ``where``.
        missing: those of them that do not satisfy ``done``.
        incomplete: the ranges in which rows are missing.
    """

    owed: int
    missing: int
    incomplete: tuple[Range, ...] = ()

    @property
    def done(self) -> int:
        """Rows that have what they are owed."""
        return self.owed - self.missing


def count(
    connection: Connection,
    statements: Statements,
    *,
    within: Range | None = None,
    size: int = RANGE,
    counted: Callable[[Figures], None] | None = None,
    pause: Callable[[], None] | None = None,
) -> Figures:
    """Count the whole table, or a range of it; every range is a snapshot of its own, newer than any chunk before it.

    Args:
        connection: a session that does not commit by itself; each range is its own transaction.
        statements: the backfill's SQL.
        within: the range; the whole table when left out, also what came in above its highest key meanwhile.
        size: keys for each statement.
        counted: told the sums after each range.
        pause: called after each range, while no snapshot is held.
    """
    owed = missing = 0
    incomplete: list[Range] = []
    for keys in ranges(connection, statements, within or Range(None, None), size):
        row = connection.execute(statements.figures(keys), bound_parameters(keys)).fetchone()
        connection.commit()
        if row is None:
            raise AssertionError("a count returned no row")
        owed, missing = owed + row[0], missing + row[1]
        if row[1]:
            incomplete.append(keys)
        if counted is not None:
            counted(Figures(owed, missing))
        if pause is not None:
            pause()
    return Figures(owed, missing, tuple(incomplete))


def count_at_once(
    connection: Connection, statements: Statements, *, counted: Callable[[Figures], None] | None = None
) -> Figures:
    """Count the whole table in one snapshot, for walks in which rows may move from range to range meanwhile."""
    whole = Range(None, None)
    row = connection.execute(statements.figures(whole), bound_parameters(whole)).fetchone()
    connection.commit()
    if row is None:
        raise AssertionError("a count returned no row")
    figures = Figures(row[0], row[1], (whole,) if row[1] else ())
    if counted is not None:
        counted(figures)
    return figures


def missing_keys(connection: Connection, statements: Statements, figures: Figures, limit: int) -> list[Bound]:
    """Return the first keys that lack what they are owed."""
    found: list[Bound] = []
    for keys in figures.incomplete:
        if len(found) >= limit:
            break
        parameters = {**bound_parameters(keys), "limit": limit - len(found)}
        rows = connection.execute(statements.missing_keys(keys), parameters).fetchall()
        connection.commit()
        found += [tuple(row) for row in rows]
    return found


def ranges(connection: Connection, statements: Statements, within: Range, size: int) -> Iterator[Range]:
    """Cut a range into ranges of so many keys; an open upper end stays open."""
    lo = within.lo
    top = within.hi
    if top is None:
        row = connection.execute(statements.upper()).fetchone()
        top = tuple(row) if row else None
    while top is not None:
        parameters = {**bound_parameters(Range(lo, top)), "size": size, "window": _WINDOW}
        connection.execute(statement("by_index"))
        ahead = statements.strides if statements.dense else statements.bounds
        ends = [tuple(row) for row in connection.execute(ahead(Range(lo, top)), parameters).fetchall()]
        connection.commit()
        for end in ends:
            yield Range(lo, end)
            lo = end
        if len(ends) < _WINDOW:
            break
    connection.commit()
    if lo is None or lo != within.hi:
        yield Range(lo, within.hi)
