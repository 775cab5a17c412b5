"""Triggers, policies, rules, statistics, publications, extensions, schemas: what hangs on tables or stands beside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import columns_used
from sluicegate.catalog.extensions import types_of
from sluicegate.catalog.model import Extension, Name, Policy, Publication, RelationKind, Trigger
from sluicegate.catalog.naming import choose, clip, joined_columns
from sluicegate.statements.nodes import options, qualified, strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.catalog.replay.draft import Draft

# TRIGGER_TYPE_* in PostgreSQL's catalog/pg_trigger.h
_BEFORE, _INSTEAD = 1 << 1, 1 << 6
_EVENTS = {1 << 2: "insert", 1 << 3: "delete", 1 << 4: "update", 1 << 5: "truncate"}


def trigger_timing(node: Any) -> str:
    """Return when a ``CreateTrigStmt`` fires: before, after or instead of."""
    return "before" if node.timing & _BEFORE else "instead of" if node.timing & _INSTEAD else "after"


def trigger_events(node: Any) -> tuple[str, ...]:
    """Return the events of a ``CreateTrigStmt``."""
    return tuple(word for bit, word in _EVENTS.items() if node.events & bit)


def create_trigger(draft: Draft, node: Any) -> None:
    """Replay CREATE TRIGGER; a row trigger on a partitioned table is copied to its partitions."""
    relation = draft.relation(node.relation)
    if relation is None:
        return
    schema, base = qualified(node.funcname)
    full, found = draft.functions((schema, base))
    trigger = Trigger(
        clip(node.trigname),
        full if found else Name(schema or full.schema, base),
        trigger_timing(node),
        trigger_events(node),
        node.row,
        update_columns=strings(node.columns),
        constraint=node.isconstraint,
        transition_tables=bool(node.transition_rels),
        when=draft.expression(node.when_clause) if node.HasField("when_clause") else None,
    )
    targets = [relation]
    if node.row and relation.kind is RelationKind.PARTITIONED:
        targets += draft.catalog.descendants_of(relation.name)
    for target in targets:
        draft.alter(target.name, triggers={**target.triggers, trigger.name: trigger})


def create_policy(draft: Draft, node: Any) -> None:
    """Replay CREATE POLICY."""
    relation = draft.relation(node.table)
    if relation is None:
        return
    policy = Policy(
        clip(node.policy_name),
        node.cmd_name or "all",
        node.permissive,
        draft.expression(node.qual) if node.HasField("qual") else None,
        draft.expression(node.with_check) if node.HasField("with_check") else None,
    )
    draft.alter(relation.name, policies={**relation.policies, policy.name: policy})


def alter_policy(draft: Draft, node: Any) -> None:
    """Replay ALTER POLICY."""
    relation = draft.relation(node.table)
    policy = relation.policies.get(node.policy_name) if relation is not None else None
    if relation is None or policy is None:
        return
    if node.HasField("qual"):
        policy = replace(policy, using=draft.expression(node.qual))
    if node.HasField("with_check"):
        policy = replace(policy, with_check=draft.expression(node.with_check))
    draft.alter(relation.name, policies={**relation.policies, policy.name: policy})


def create_rule(draft: Draft, node: Any) -> None:
    """Replay CREATE RULE."""
    relation = draft.relation(node.relation)
    if relation is not None:
        name = clip(node.rulename)
        used = frozenset(
            parts[1]
            for reference in walk_kinds(node, pg.ColumnRef)
            if len(parts := strings(reference.fields)) == 2 and parts[0] in {"old", "new"}
        )
        named = (draft.relation(table) for action in node.actions for table in walk_kinds(action, pg.RangeVar))
        reads = frozenset(other.name for other in named if other is not None and other.name != relation.name)
        draft.alter(
            relation.name,
            rules=relation.rules | {name},
            rule_columns={**relation.rule_columns, name: used},
            rule_reads={**relation.rule_reads, name: reads},
        )


def create_statistics(draft: Draft, node: Any) -> None:
    """Replay CREATE STATISTICS."""
    for item in node.relations:
        relation = draft.relation(item.range_var) if item.HasField("range_var") else None
        if relation is None:
            continue
        columns = [item.stats_elem.name or "expr" for item in node.exprs]
        name = strings(node.defnames)[-1] if node.defnames else ""
        name = name or choose(relation.name.name, joined_columns(columns), "stat", relation.statistics.__contains__)
        used = frozenset(used for item in node.exprs for used in _statistics_columns(item.stats_elem, relation))
        about = {**relation.statistics_columns, name: used}
        draft.alter(relation.name, statistics=relation.statistics | {name}, statistics_columns=about)


def _statistics_columns(element: Any, relation: Relation) -> tuple[str, ...]:
    return (element.name,) if element.name else columns_used(element.expr, relation.columns)


def create_publication(draft: Draft, node: Any) -> None:
    """Replay CREATE PUBLICATION."""
    tables, schemas = _published(draft, node.pubobjects)
    draft.put_publication(
        Publication(clip(node.pubname), None if node.for_all_tables else frozenset(tables), frozenset(schemas))
    )


def alter_publication(draft: Draft, node: Any) -> None:
    """Replay ALTER PUBLICATION … ADD, SET and DROP."""
    found = draft.catalog.publications.get(node.pubname)
    if found is None or found.tables is None or not node.pubobjects:
        return
    tables, schemas = _published(draft, node.pubobjects)
    match node.action:
        case pg.AP_AddObjects:
            changed = replace(found, tables=found.tables | tables, schemas=found.schemas | schemas)
        case pg.AP_DropObjects:
            changed = replace(found, tables=found.tables - tables, schemas=found.schemas - schemas)
        case _:
            changed = replace(found, tables=frozenset(tables), schemas=frozenset(schemas))
    draft.put_publication(changed)


def _published(draft: Draft, objects: Any) -> tuple[set[Name], set[str]]:
    tables: set[Name] = set()
    schemas: set[str] = set()
    for item in objects:
        spec = item.publication_obj_spec
        if spec.pubobjtype == pg.PUBLICATIONOBJ_TABLE:
            relation = draft.relation(spec.pubtable.relation)
            tables.add(relation.name if relation is not None else draft.new_name(spec.pubtable.relation))
        elif spec.pubobjtype == pg.PUBLICATIONOBJ_TABLES_IN_SCHEMA:
            schemas.add(spec.name)
        elif spec.pubobjtype == pg.PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA:
            schemas.add(draft.creation_schema)
    return tables, schemas


def create_extension(draft: Draft, node: Any) -> None:
    """Replay CREATE EXTENSION; pgvector's types appear in its schema."""
    if node.extname in draft.catalog.extensions:
        return
    given = options(node.options)
    schema = str(given.get("schema") or draft.creation_schema)
    version = given.get("new_version")
    draft.put_extension(Extension(node.extname, schema, str(version) if version else None))
    for user_type in types_of(node.extname, schema):
        draft.put_type(replace(user_type, created_in=draft.catalog.transaction))


def alter_extension(draft: Draft, node: Any) -> None:
    """Replay ALTER EXTENSION … UPDATE."""
    found = draft.catalog.extensions.get(node.extname)
    version = options(node.options).get("new_version")
    if found is not None:
        draft.put_extension(replace(found, version=str(version) if version else None))


def move_extension(draft: Draft, name: str, schema: str) -> None:
    """Replay ALTER EXTENSION … SET SCHEMA: its objects move along."""
    found = draft.catalog.extensions.get(name)
    if found is None:
        return
    for user_type in types_of(name, found.schema):
        draft.remove_type(user_type.name)
    draft.put_extension(replace(found, schema=schema))
    for user_type in types_of(name, schema):
        draft.put_type(user_type)
    _retype(draft, found.schema, schema, {user_type.name.name for user_type in types_of(name, schema)})


def _retype(draft: Draft, old: str, new: str, names: set[str]) -> None:
    for relation in tuple(draft.catalog.relations.values()):
        changed = {}
        for column in relation.columns.values():
            if column.type.name.schema == old and column.type.name.name in names:
                moved = replace(column.type, name=Name(new, column.type.name.name))
                changed[column.name] = replace(column, type=moved)
        if changed:
            draft.put(replace(relation, columns={**relation.columns, **changed}))


def create_schema(draft: Draft, node: Any) -> str | None:
    """Replay CREATE SCHEMA, without the objects in it; return the schema's name."""
    name = node.schemaname or (node.authrole.rolename if node.HasField("authrole") else "")
    if name:
        draft.put_schema(name)
    return name or None


def note_clustered(draft: Draft, node: Any) -> None:
    """Replay CLUSTER … USING, which marks the index for the next time."""
    relation = draft.relation(node.relation) if node.HasField("relation") else None
    if relation is not None and node.indexname:
        for index in draft.catalog.indexes_of(relation.name):
            draft.put_index(replace(index, clustered=index.name.name == node.indexname))


def note_rows(draft: Draft, node: Any) -> None:
    """Replay what INSERT, COPY and MERGE mean for a table that was known to be empty: its row count is not known."""
    target = unwrap(node.relation) if node.HasField("relation") else None
    relation = draft.relation(target) if target is not None else None
    if relation is not None and relation.rows is not None:
        for name in draft.family(relation.name):
            draft.alter(name, rows=None)


def note_truncated(draft: Draft, node: Any) -> None:
    """Replay TRUNCATE: the tables hold no rows."""
    for item in node.relations:
        relation = draft.relation(item.range_var)
        if relation is None:
            continue
        for name in draft.family(relation.name) if item.range_var.inh else (relation.name,):
            draft.alter(name, rows=0)
