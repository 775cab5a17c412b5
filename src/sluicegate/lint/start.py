"""The schema before the first revision, where a history does not begin with an empty database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.replay import apply
from sluicegate.catalog.session import Session
from sluicegate.errors import ParseError
from sluicegate.lint.selection import heads
from sluicegate.statements.nodes import walk, walk_kinds
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sluicegate.capture.model import CapturedRevision
    from sluicegate.catalog.model import Catalog
    from sluicegate.statements.parse import Statement

VECTOR = "vector"
_SYSTEM = ("pg_catalog", "information_schema")
_USING = frozenset({"alter_table_stmt", "index_stmt", "create_trig_stmt", "rename_stmt", "update_stmt", "delete_stmt"})


def starting_point(catalog: Catalog, history: Iterable[CapturedRevision]) -> Catalog:
    """Return the schema from which a history can be replayed.

    Two things are read off the history. If it uses pgvector and never creates the extension, somebody else has. And if
    its older revisions use tables that no revision creates, it was begun on a database that had tables already: then an
    absent name is no error. In the newest revisions such a name is more likely a slip, so they do not count.
    """
    revisions = list(history)
    known = {revision.revision: revision for revision in revisions if revision.revision is not None}
    newest = heads(known)
    statements = {revision.revision: list(_parsed(revision)) for revision in revisions}
    everything = [statement for found in statements.values() for statement in found]
    if not any(s.kind == "create_extension_stmt" and s.node.extname == VECTOR for s in everything):
        catalog = apply(parse_statement(f"CREATE EXTENSION {VECTOR}"), catalog, Session())
    created = {name for statement in everything for name in _created(statement)}
    created |= {name.name for name in catalog.relations}
    older = [s for name, found in statements.items() if name not in newest for s in found]
    if any(name not in created for statement in older for name in _used(statement)):
        catalog = replace(catalog, complete=False)
    return catalog


def _parsed(revision: CapturedRevision) -> Iterator[Statement]:
    for captured in revision.statements:
        try:
            yield parse_statement(captured.sql)
        except ParseError:
            continue  # reported where it is judged


def _created(statement: Statement) -> Iterator[str]:
    for message in walk(statement.node):
        match message:
            case pg.CreateStmt():
                yield message.relation.relname
            case pg.ViewStmt():
                yield message.view.relname
            case pg.IntoClause():
                yield message.rel.relname
            case pg.CreateSeqStmt():
                yield message.sequence.relname
            case pg.RenameStmt():
                yield message.newname
            case pg.IndexStmt():
                yield message.idxname
            case pg.CommonTableExpr():
                yield message.ctename


def _used(statement: Statement) -> Iterator[str]:
    if statement.kind in _USING and not getattr(statement.node, "missing_ok", False):
        for variable in walk_kinds(statement.node, pg.RangeVar):
            if not variable.relname.startswith("pg_") and variable.schemaname not in (
                "pg_catalog",
                "information_schema",
            ):
                yield variable.relname
