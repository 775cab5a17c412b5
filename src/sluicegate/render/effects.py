"""Effects as sentences for people: which lock, who waits, what is read or written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.effects.model import Certainty, InTransaction, LockMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.effects.model import Effects

_WAITING = {
    LockMode.AccessShareLock: "nobody waits but who needs the table alone",
    LockMode.RowShareLock: "nobody waits but who needs the table alone",
    LockMode.RowExclusiveLock: "reads and writes go on; index builds and schema changes wait",
    LockMode.ShareUpdateExclusiveLock: "reads and writes go on; schema changes and VACUUM wait",
    LockMode.ShareLock: "writes wait, reads go on",
    LockMode.ShareRowExclusiveLock: "writes wait, reads go on",
    LockMode.ExclusiveLock: "writes wait, plain reads go on",
    LockMode.AccessExclusiveLock: "reads and writes wait",
}


def words(mode: LockMode) -> str:
    """Return a lock mode as the manual writes it: ``ACCESS EXCLUSIVE``."""
    name = mode.name.removesuffix("Lock")
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip().upper()


def waiting(mode: LockMode) -> str:
    """Say who waits while a table is locked in this mode."""
    return _WAITING[mode]


def describe(effects: Effects) -> Iterator[str]:
    """Yield one line for each thing a reader should know, the gravest first."""
    if effects.error is not None:
        yield f"rejected: {effects.error}"
    for name, mode in sorted(effects.locks.items(), key=lambda item: (-item[1], item[0])):
        yield f"{words(mode)} on {name}: {waiting(mode)}"
    for name, mode in sorted(effects.index_locks.items(), key=lambda item: (-item[1], item[0])):
        yield f"{words(mode)} on index {name}"
    for verb, names in (("rewrites", effects.rewrites), ("reads all of", effects.scans - effects.rewrites)):
        for name in sorted(names):
            reason = effects.reasons.get(name)
            yield f"{verb} {name}{f': {reason}' if reason else ''}"
    for name in sorted(effects.index_builds):
        yield f"writes {'every index' if name in effects.rewrites else 'an index'} of {name}"
    for loss in effects.losses:
        thing = f"{loss.kind.value} {loss.relation}{f'.{loss.name}' if loss.name else ''}"
        yield f"loses {thing}{'' if loss.asked else ', which it does not name'}"
    for phrase in effects.depends_on_data:
        yield f"depends on the rows: {phrase}"
    if effects.in_transaction is InTransaction.FORBIDDEN:
        yield "cannot run inside a transaction block"
    if effects.certainty is Certainty.UNKNOWN:
        yield f"cannot tell: {'; '.join(effects.unknowns) or 'something that decides it is not known'}"
