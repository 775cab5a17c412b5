"""What is remembered about completeness: how far a table was looked at, and what each proof has proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from psycopg.rows import class_row

from sluicegate.store.queries import statement

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Sequence

    from sluicegate.store.runs import Connection

LONGEST = 32
"""So many sights are kept; while more come in, the newest is replaced, and the next floor is found a little later."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The highest key that the table had when it was looked at.

    Attributes:
        seq: its number, from 1.
        bound: that key.
        writers: the transactions that were writing then; when all of them have ended, what they wrote is visible.
    """

    seq: int
    bound: list[str]
    writers: list[str]


@dataclass(frozen=True, slots=True)
class ProofRow:
    """A proof and what it proved.

    Attributes:
        fingerprint: of the definition whose ``where`` and ``done`` were counted.
        upper_bound: the highest key it covers; None for an empty table.
    """

    fingerprint: str
    upper_bound: list[str] | None
    rows_owed: int
    rows_done: int
    started_at: datetime.datetime
    proved_at: datetime.datetime


def sights(connection: Connection, name: str) -> list[Sight]:
    """Return the sights of a backfill, from the first; the floor comes first where there is one."""
    with connection.cursor(row_factory=class_row(Sight)) as cursor:
        return cursor.execute(statement("sight_list"), {"name": name}).fetchall()


def floor(connection: Connection, name: str) -> tuple[str, ...] | None:
    """Return the key at or below which everything was looked at, None when nothing says so."""
    return lowest(sights(connection, name))


def lowest(kept: Sequence[Sight]) -> tuple[str, ...] | None:
    """Return the floor among some sights, None when there is none."""
    first = next(iter(kept), None)
    return tuple(first.bound) if first is not None and not first.writers else None


def look(
    connection: Connection,
    name: str,
    bound: Sequence[str],
    writers: Collection[str],
    *,
    since: Sequence[Sight],
    blocked: bool = False,
) -> bool:
    """Remember that everything above the floor, up to ``bound``, was looked at while these were writing.

    The floor moves up to the last sight of whose writers none is among the present ones: what they wrote was visible to
    the look that ends here. The present writers must have been listed after ``bound`` was read and before the look.

    Args:
        connection: inside a transaction.
        name: the backfill.
        bound: the highest key when the look began.
        writers: who was writing then.
        since: the sights when the look began; where others have looked since, theirs stay, and False is returned.
        blocked: whether one of the present writers may be a former one under a new name; then no sight is passed.
    """
    kept = sights(connection, name)
    if kept != [*since]:
        return False
    present = set(writers)
    passed = [sight for sight in kept if not sight.writers or not (blocked or present & set(sight.writers))]
    entries: list[tuple[list[str], list[str]]] = [([*bound], sorted(present))]
    if writers:
        pending = [sight for sight in kept if not passed or sight.seq > passed[-1].seq]
        before = [([*sight.bound], [*sight.writers]) for sight in pending]
        entries = [*([([*passed[-1].bound], [])] if passed else []), *before][: LONGEST - 1] + entries
    _replace(connection, name, entries)
    return True


def settle(connection: Connection, name: str, bound: Sequence[str]) -> None:
    """Remember that everything up to ``bound`` was dealt with while nobody was writing: the floor is there."""
    _replace(connection, name, [([*bound], [])])


def _replace(connection: Connection, name: str, entries: Sequence[tuple[list[str], list[str]]]) -> None:
    connection.execute(statement("sight_forget"), {"name": name})
    for number, (key, ids) in enumerate(entries, 1):
        parameters = {"name": name, "seq": number, "bound": key, "writers": ids}
        connection.execute(statement("sight_add"), parameters)


def forget(connection: Connection, name: str) -> None:
    """Forget every sight: the definition changed, or rows below them are known to be missing."""
    connection.execute(statement("sight_forget"), {"name": name})


def clock(connection: Connection) -> datetime.datetime:
    """Return the server's time."""
    [now] = connection.execute(statement("server_clock")).fetchone() or (None,)
    if now is None:
        raise AssertionError("the clock returned no row")
    return cast("datetime.datetime", now)


def prove(
    connection: Connection,
    name: str,
    fingerprint: str,
    upper: Sequence[str] | None,
    *,
    owed: int,
    done: int,
    started: datetime.datetime,
) -> None:
    """Keep a proof of rows up to ``upper``, whose counting ``started`` then by the server's clock."""
    parameters = {
        "name": name,
        "fingerprint": fingerprint,
        "upper": None if upper is None else list(upper),
        "owed": owed,
        "done": done,
        "started": started,
    }
    connection.execute(statement("proof_add"), parameters)


def latest(connection: Connection, name: str) -> ProofRow | None:
    """Return the latest proof, withdrawn or not; ``verified_at`` of the backfill's row says whether it holds."""
    with connection.cursor(row_factory=class_row(ProofRow)) as cursor:
        return cursor.execute(statement("proof_latest"), {"name": name}).fetchone()
