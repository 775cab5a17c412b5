"""Who waits, for what and until when, in a reader's words."""

from __future__ import annotations

from sluicegate.effects.model import LockMode

_SPELLED = {
    LockMode.AccessShareLock: "ACCESS SHARE",
    LockMode.RowShareLock: "ROW SHARE",
    LockMode.RowExclusiveLock: "ROW EXCLUSIVE",
    LockMode.ShareUpdateExclusiveLock: "SHARE UPDATE EXCLUSIVE",
    LockMode.ShareLock: "SHARE",
    LockMode.ShareRowExclusiveLock: "SHARE ROW EXCLUSIVE",
    LockMode.ExclusiveLock: "EXCLUSIVE",
    LockMode.AccessExclusiveLock: "ACCESS EXCLUSIVE",
}


def lock_words(mode: LockMode) -> str:
    """Return a lock mode as LOCK TABLE spells it."""
    return _SPELLED[mode]


def who_waits(mode: LockMode, table: str) -> str:
    """Say who waits behind a lock on a table."""
    if mode.blocks_reads:
        return f"every query on {table}, SELECT included, waits"
    if mode.blocks_writes:
        return f"every INSERT, UPDATE and DELETE on {table} waits"
    return f"other schema changes, VACUUM and index builds on {table} wait"


def about(rows: int) -> str:
    """Return a number of rows for a reader."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def sized(rows: int, size: int | None) -> str:
    """Return a table's size for a reader: ``1,150,000 rows, 8.1 GB``."""
    return about(rows) + (f", {bytes_words(size)}" if size is not None else "")


def bytes_words(size: int) -> str:
    """Return a number of bytes in the largest unit of which there is one, in steps of a thousand."""
    for unit, amount in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= amount:
            number = size / amount
            return f"{number:.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"
    return f"{size} bytes"
