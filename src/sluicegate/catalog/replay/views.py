"""CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE TABLE AS and SELECT INTO."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Column, Name, Relation, RelationKind, SqlType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.queries import Query
from sluicegate.statements.nodes import option_texts, strings

if TYPE_CHECKING:
    from sluicegate.catalog.replay.draft import Draft

_UNKNOWN = SqlType(Name("", "unknown"))
"""The type of a column whose expression could not be typed."""

_PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}


def create_view(draft: Draft, node: Any) -> None:
    """Replay CREATE [OR REPLACE] VIEW."""
    name = draft.new_name(node.view)
    query = Query(node.query, draft.catalog, draft.search_path)
    existing = draft.catalog.relations.get(name)
    view = Relation(
        name,
        RelationKind.VIEW,
        _columns(query, strings(node.aliases)),
        query=draft.expression(node.query),
        reads=query.frozen_reads(),
        options=option_texts(node.options),
        persistence=_PERSISTENCE.get(node.view.relpersistence, "permanent"),
        created_in=draft.catalog.transaction,
    )
    if existing is not None:
        view = replace(view, triggers=existing.triggers, rules=existing.rules, created_in=existing.created_in)
    draft.put(view)


def create_table_as(draft: Draft, node: Any) -> None:
    """Replay CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    into = node.into
    name = draft.new_name(into.rel)
    if node.if_not_exists and draft.relation_name_taken(name.schema)(name.name):
        return
    query = Query(node.query, draft.catalog, draft.search_path)
    materialized = node.objtype == pg.OBJECT_MATVIEW
    draft.put(
        Relation(
            name,
            RelationKind.MATERIALIZED_VIEW if materialized else RelationKind.TABLE,
            _columns(query, strings(into.col_names)),
            query=draft.expression(node.query) if materialized else None,
            reads=query.frozen_reads() if materialized else {},
            options=option_texts(into.options),
            persistence=_PERSISTENCE.get(into.rel.relpersistence, "permanent"),
            access_method=into.access_method or None,
            tablespace=into.table_space_name or None,
            populated=not (materialized and into.skip_data),
            rows=0 if into.skip_data else None,
            created_in=draft.catalog.transaction,
        )
    )


def select_into(draft: Draft, node: Any) -> None:
    """Replay SELECT INTO; any other SELECT changes nothing."""
    if not node.HasField("into_clause"):
        return
    query = Query(node, draft.catalog, draft.search_path)
    name = draft.new_name(node.into_clause.rel)
    draft.put(
        Relation(
            name,
            RelationKind.TABLE,
            _columns(query, strings(node.into_clause.col_names)),
            rows=None,
            created_in=draft.catalog.transaction,
        )
    )


def refresh(draft: Draft, node: Any) -> None:
    """Replay REFRESH MATERIALIZED VIEW."""
    relation = draft.relation(node.relation)
    if relation is not None:
        draft.alter(relation.name, populated=not node.skip_data)


def _columns(query: Query, names: tuple[str, ...]) -> dict[str, Column]:
    columns = {}
    for number, (own, found) in enumerate(query.columns.items()):
        name = clip(names[number] if number < len(names) else own)
        columns[name] = Column(name, found if found is not None else _UNKNOWN)
    return columns
