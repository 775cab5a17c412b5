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
