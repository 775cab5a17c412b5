"""One statement of a revision with everything that is known about it: what a rule is asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.effects.model import Effects

if TYPE_CHECKING:
    from sluicegate.capture.model import CapturedStatement
    from sluicegate.catalog.model import Catalog, Name
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement


RENAMING = frozenset({"rename_stmt", "alter_object_schema_stmt"})
"""Kinds of statements after which a relation has another name."""


@dataclass(frozen=True, slots=True)
class Step:
    """A statement in its place.

    Attributes:
        index: its position among the revision's statements, from 0.
        captured: where it came from and the session it runs in.
        statement: its parse tree; None when PostgreSQL's grammar does not accept it.
        parse_error: the parser's words, where ``statement`` is None.
        before: the schema before it.
        after: the schema after it, assuming that the server accepts it.
        session: what decides its meaning.
        effects: what it does to the server.
        new: relations that earlier statements of this revision created.
    """

    index: int
    captured: CapturedStatement
    statement: Statement | None
    before: Catalog
    after: Catalog
    session: Session
    effects: Effects = field(default_factory=Effects)
    parse_error: str | None = None
    new: frozenset[Name] = frozenset()

    @property
    def new_after(self) -> frozenset[Name]:
        """Return the relations that are new once it has run; a rename keeps what a table was."""
        if self.after.relations is self.before.relations:
            return self.new
        appeared = self.after.relations.keys() - self.before.relations.keys()
        vanished = self.before.relations.keys() - self.after.relations.keys()
        if self.statement is not None and self.statement.kind in RENAMING and vanished and not vanished & self.new:
            appeared = set()
        return (self.new - vanished) | appeared
