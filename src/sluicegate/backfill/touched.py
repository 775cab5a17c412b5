"""Which tables a backfill's SQL reads and writes, and by which verbs, told from the parse trees."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.backfill.definition import CHUNK, Apply, Backfill, Sidecar, TableName
from sluicegate.backfill.implied import CHUNK_NAME
from sluicegate.statements.nodes import unwrap, walk_kinds
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterator


class Verb(enum.StrEnum):
    """What a statement does to the rows of a table."""

    SELECT = "SELECT"
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(slots=True)
class Touched:
    """A table that the backfill's SQL names.

    Attributes:
        schema: its schema, None when the SQL does not say.
        name: its name.
        verbs: what is done to its rows.
        columns: the columns that an UPDATE sets.
    """

    schema: str | None
    name: str
    verbs: set[Verb] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)

    @property
    def parts(self) -> tuple[str, ...]:
        """The name as it is written: one part or two."""
        return (self.schema, self.name) if self.schema else (self.name,)

    @property
    def writes(self) -> set[Verb]:
        """The verbs that change it."""
        return self.verbs - {Verb.SELECT}


def touched_tables(definition: Backfill) -> tuple[Touched, ...]:
    """Return every table that the SQL of a backfill names, in the order of first mention."""
    found: dict[tuple[str | None, str], Touched] = {}

    def note(schema: str | None, name: str, *verbs: Verb, columns: tuple[str, ...] = ()) -> None:
        one = found.setdefault((schema, name), Touched(schema, name))
        one.verbs.update(verbs)
        one.columns.update(columns)

    note(*definition.relation, Verb.SELECT)
    texts = [f"SELECT (\n{definition.where}\n)", f"SELECT (\n{definition.done}\n)"]
    tracking = definition.tracking
    if isinstance(tracking, Sidecar):
        note(*TableName.read(tracking.table, "tracking"), Verb.SELECT, Verb.INSERT, Verb.UPDATE)
        texts += [f"SELECT (\n{tracking.source}\n)"] if tracking.source else []
    if isinstance(definition.apply, Apply):
        verb = Verb.UPDATE if definition.apply.update else Verb.INSERT
        columns = definition.apply.writes[len(definition.keys) :] if definition.apply.update else ()
        note(*definition.apply.target, verb, columns=columns)
    else:
        texts.append(definition.apply.replace(CHUNK, CHUNK_NAME))
    for text in texts:
        tree = parse_statement(text).node
        targets = list(_targets(tree))
        hidden = {query.ctename for query in walk_kinds(tree, pg.CommonTableExpr)} | {CHUNK_NAME}
        written = {(relation.schemaname, relation.relname) for relation, _verb, _columns in targets}
        for relation, verb, columns in targets:
            note(relation.schemaname or None, relation.relname, verb, columns=columns)
        for relation in walk_kinds(tree, pg.RangeVar):
            shadowed = not relation.schemaname and relation.relname in hidden
            if not shadowed and (relation.schemaname, relation.relname) not in written:
                note(relation.schemaname or None, relation.relname, Verb.SELECT)
    return tuple(found.values())


def _targets(tree: Any) -> Iterator[tuple[pg.RangeVar, Verb, tuple[str, ...]]]:
    """Yield each table that is written, with the verb and the columns that are set."""
    for node in walk_kinds(tree, pg.InsertStmt, pg.UpdateStmt, pg.DeleteStmt, pg.MergeStmt):
        if isinstance(node, pg.InsertStmt):
            yield node.relation, Verb.INSERT, ()
            if node.on_conflict_clause.action == pg.ONCONFLICT_UPDATE:
                yield node.relation, Verb.UPDATE, _names(node.on_conflict_clause.target_list)
        elif isinstance(node, pg.UpdateStmt):
            yield node.relation, Verb.UPDATE, _names(node.target_list)
        elif isinstance(node, pg.DeleteStmt):
            yield node.relation, Verb.DELETE, ()
        else:
            for clause in map(unwrap, node.merge_when_clauses):
                verb = _MERGED.get(clause.command_type)
                if verb is not None:
                    yield node.relation, verb, _names(clause.target_list) if verb is Verb.UPDATE else ()


_MERGED = {pg.CMD_INSERT: Verb.INSERT, pg.CMD_UPDATE: Verb.UPDATE, pg.CMD_DELETE: Verb.DELETE}


def _names(targets: Any) -> tuple[str, ...]:
    return tuple(unwrap(target).name for target in targets)
