"""Which revisions of a history a lint reports on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sluicegate.capture.model import CapturedRevision


def select(history: Sequence[CapturedRevision], revs: Iterable[str], files: Iterable[Path]) -> frozenset[str]:
    """Return the ids of the revisions that ``--rev`` and file names mean; all of them when neither is given.

    ``--rev`` takes an id or a unique beginning of one, ``head`` or ``heads``, and ``a:b`` for what comes after ``a``
    up to ``b``, either of which may be left out.

    Raises:
        UsageError: a name means no revision or several, or a file is none of the history.
    """
    known = {revision.revision: revision for revision in history if revision.revision is not None}
    revs, files = tuple(revs), tuple(files)
    if not revs and not files:
        return frozenset(known)
    chosen: set[str] = set()
    for rev in revs:
        chosen |= _range(rev, known) if ":" in rev else _named(rev, known)
    by_file = {Path(revision.file).resolve(): name for name, revision in known.items()}
    for file in files:
        name = by_file.get(file.resolve())
        if name is None:
            raise UsageError(
                f"{file} is not among the revisions of this environment.",
                hint="Name the environment with --config or --migrations.",
            )
        chosen.add(name)
    return frozenset(chosen)


def heads(known: Mapping[str, CapturedRevision]) -> set[str]:
    """Return the revisions that no other follows."""
    return set(known) - {parent for revision in known.values() for parent in _parents(revision)}


def ancestors(start: Iterable[str], known: Mapping[str, CapturedRevision]) -> set[str]:
    """Return the revisions with everything that must run before them."""
    found: set[str] = set()
    pending = list(start)
    while pending:
        name = pending.pop()
        if name in known and name not in found:
            found.add(name)
            pending += _parents(known[name])
    return found


def _parents(revision: CapturedRevision) -> list[str]:
    return [*revision.down_revisions, *revision.depends_on]


def _range(text: str, known: Mapping[str, CapturedRevision]) -> set[str]:
    first, _, last = text.partition(":")
    upto = ancestors(_named(last, known) if last else heads(known), known)
    return upto - (ancestors(_named(first, known), known) if first and first != "base" else set())


def _named(text: str, known: Mapping[str, CapturedRevision]) -> set[str]:
    if text in {"head", "heads"}:
        return heads(known)
    if text in known:
        return {text}
    found = [name for name in known if name.startswith(text)] if text else []
    if len(found) == 1:
        return set(found)
    what = f"means several revisions: {', '.join(sorted(found))}" if found else "means no revision"
    raise UsageError(f"--rev {text} {what}.", hint="`alembic history` lists them; a range is written a:b.")
