"""What DROP does: everything it names and everything that goes along, or the objects that forbid it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import RelationKind
from sluicegate.effects.cluster_objects import owned
from sluicegate.effects.dependencies import Sort, Thing, extension_thing, function_thing, relation_thing, schema_thing
from sluicegate.effects.model import LockMode, LossKind
from sluicegate.effects.objects import find_function, require_object
from sluicegate.effects.removals import remove
from sluicegate.statements.nodes import qualified, string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Index, Name, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_KINDS: dict[int, tuple[str, tuple[RelationKind, ...]]] = {
    pg.OBJECT_TABLE: ("table", (RelationKind.TABLE, RelationKind.PARTITIONED)),
    pg.OBJECT_VIEW: ("view", (RelationKind.VIEW,)),
    pg.OBJECT_MATVIEW: ("materialized view", (RelationKind.MATERIALIZED_VIEW,)),
    pg.OBJECT_SEQUENCE: ("sequence", (RelationKind.SEQUENCE,)),
    pg.OBJECT_FOREIGN_TABLE: ("foreign table", (RelationKind.FOREIGN,)),
    pg.OBJECT_INDEX: ("index", ()),
}
_PINNED_SCHEMAS = frozenset({"pg_catalog", "information_schema", "pg_toast"})
_ARTICLES = {"index": "an"}
_ABSENT = {"index": "42704", "foreign table": "42704"}


def predict_drops(context: Context, node: Any) -> Effects:
    """Predict DROP and DROP OWNED."""
    if isinstance(node, pg.DropOwnedStmt):
        return _drop_owned(context, node)
    if node.remove_type == pg.OBJECT_INDEX and node.concurrent:
        return _drop_index_concurrently(context, node)
    things: list[Thing] = []
    for item in node.objects:
        things += _things(context, node, item)
    remove(context, things, cascade=node.behavior == pg.DROP_CASCADE)
    return context.builder.finish()


def _things(context: Context, node: Any, item: Any) -> list[Thing]:
    match node.remove_type:
        case kind if kind in _KINDS:
            found = _relation(context, node, item)
            if found is None:
                return []
            if node.remove_type == pg.OBJECT_INDEX:
                _lock_partitions(context, found.name)
                return [Thing(Sort.INDEX, found.name)]
            return [Thing(Sort.RELATION, found.name)]
        case pg.OBJECT_TRIGGER | pg.OBJECT_POLICY | pg.OBJECT_RULE:
            return _part(context, node, item)
        case pg.OBJECT_TYPE | pg.OBJECT_DOMAIN:
            return _type(context, node, item)
        case pg.OBJECT_FUNCTION | pg.OBJECT_PROCEDURE | pg.OBJECT_ROUTINE | pg.OBJECT_AGGREGATE:
            function = find_function(context, item, node.remove_type, missing_ok=node.missing_ok)
            schema, name = qualified(unwrap(item).objname)
            if function is None and schema in (None, "pg_catalog") and builtins(context.version).functions(name):
                why = "it is required by the database system"
                context.builder.refuse("2BP01", f"cannot drop function {name} because {why}")
            return [function_thing(function)] if function is not None else []
        case pg.OBJECT_SCHEMA:
            name = string(item)
            if name in _PINNED_SCHEMAS and name not in context.catalog.schemas:
                why = "it is required by the database system"
                context.builder.refuse("2BP01", f"cannot drop schema {name} because {why}")
                return []
            if name not in context.catalog.schemas and not node.missing_ok:
                context.absent("3F000", f'schema "{name}" does not exist')
            return [schema_thing(name)] if name in context.catalog.schemas else []
        case pg.OBJECT_EXTENSION:
            name = string(item)
            if name == "plpgsql" and _uses_plpgsql(context) and node.behavior != pg.DROP_CASCADE:
                why = "other objects depend on it"
                context.builder.refuse("2BP01", f"cannot drop extension plpgsql because {why}")
                return []
            if name not in {*context.catalog.extensions, "plpgsql"} and not node.missing_ok:
                context.absent("42704", f'extension "{name}" does not exist')
            return [extension_thing(name)] if name in context.catalog.extensions else []
        case pg.OBJECT_STATISTIC_EXT:
            return _statistics(context, node, item)
        case _:
            require_object(context, node.remove_type, item, missing_ok=node.missing_ok, dropping=True)
            return []


def _relation(context: Context, node: Any, item: Any) -> Relation | Index | None:
    """Return the relation or index that a DROP names; None when it is absent and may be.

    Source: ``RemoveRelations`` and ``DropErrorMsgNonExistent`` in PostgreSQL's tablecmds.c.
    """
    word, kinds = _KINDS[node.remove_type]
    name = qualified(item)
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name) or (name[1].startswith("pg_") and name[1].endswith("_index")):
            context.builder.refuse("42501", f'permission denied: "{name[1]}" is a system catalog')
            return None
        if not node.missing_ok:
            context.missing(name, word, sqlstate=_ABSENT.get(word, "42P01"))
        return None
    matches = getattr(found, "kind", None) in kinds if kinds else not hasattr(found, "kind")
    if not matches:
        context.builder.refuse("42809", f'"{found.name.name}" is not {_ARTICLES.get(word, "a")} {word}')
        return None
    return found


def _uses_plpgsql(context: Context) -> bool:
    return any(one.language == "plpgsql" for several in context.catalog.functions.values() for one in several)


def _lock_partitions(context: Context, name: Name) -> None:
    """Note that dropping a partitioned index locks every partition, whether it has a part of the index or not."""
    table = context.catalog.relations.get(context.catalog.indexes[name].table)
    if table is not None and table.kind is RelationKind.PARTITIONED:
        for member in context.catalog.descendants_of(table.name):
            context.builder.lock(member, LockMode.AccessExclusiveLock)


def _drop_index_concurrently(context: Context, node: Any) -> Effects:
    builder = context.builder
    builder.forbid_in_transaction("DROP INDEX CONCURRENTLY")
    if len(node.objects) > 1:
        builder.refuse("0A000", "DROP INDEX CONCURRENTLY does not support dropping multiple objects")
    elif node.behavior == pg.DROP_CASCADE:
        builder.refuse("0A000", "DROP INDEX CONCURRENTLY does not support CASCADE")
    if builder.refusal is None:
        index = _relation(context, node, node.objects[0])
        if index is not None:
            _one_concurrently(context, context.catalog.indexes[index.name])
    return builder.finish()


def _one_concurrently(context: Context, index: Index) -> None:
    table = context.catalog.relations.get(index.table)
    if table is not None and table.kind is RelationKind.PARTITIONED:
        context.builder.refuse("0A000", f'cannot drop partitioned index "{index.name.name}" concurrently')
        return
    probe = type(context).of(context.statement, context.catalog, context.session, context.version)
    if not remove(probe, [Thing(Sort.INDEX, index.name)], cascade=False):
        context.builder.refusal = probe.builder.refusal
        return
    context.builder.lock(index.table, LockMode.ShareUpdateExclusiveLock)
    context.builder.lock(index, LockMode.ShareUpdateExclusiveLock)
    context.builder.lose(LossKind.INDEX, index.table, index.name.name, detail=index.method)


def _part(context: Context, node: Any, item: Any) -> list[Thing]:
    """Return the trigger, policy or rule of a table that a DROP names.

    Source: ``get_object_address_relobject`` in PostgreSQL's objectaddress.c.
    """
    names = strings(unwrap(item).items)
    table = (names[-3] if len(names) > 2 else None, names[-2])
    relation = context.relation(table)
    if relation is None:
        if context.is_system(table):
            context.absent("42501", f'permission denied: "{table[1]}" is a system catalog')
        if not node.missing_ok:
            context.missing(table, parsing=True)
        return []
    held, sort, preposition = {
        pg.OBJECT_TRIGGER: (relation.triggers, Sort.TRIGGER, "table"),
        pg.OBJECT_POLICY: (relation.policies, Sort.POLICY, "table"),
        pg.OBJECT_RULE: (relation.rules, Sort.RULE, "relation"),
    }[node.remove_type]
    name = names[-1]
    if name in held:
        return [Thing(sort, relation.name, name)]
    if sort is Sort.RULE and name == "_RETURN" and relation.query is not None:
        context.builder.refuse(
            "2BP01",
            f"cannot drop rule _RETURN on view {relation.name.name} because view {relation.name.name} requires it",
        )
        return []
    if not node.missing_ok:
        context.absent("42704", f'{sort.value} "{name}" for {preposition} "{relation.name.name}" does not exist')
    return []


def _type(context: Context, node: Any, item: Any) -> list[Thing]:
    from sluicegate.catalog.model import TypeKind

    type_name = unwrap(item)
    name = qualified(type_name)
    found = context.user_type(name)
    if found is None:
        relation = context.relation(name)
        if relation is not None and relation.kind is not RelationKind.SEQUENCE:
            context.builder.refuse(
                "2BP01",
                f"cannot drop type {relation.name.name} because {relation.kind.value} {relation.name.name} requires it",
            )
            return []
        if context.type(type_name) is not None:
            context.builder.refuse("2BP01", f"cannot drop type {name[1]} because it is required by the database system")
            return []
        if not node.missing_ok:
            context.absent("42704", f'type "{".".join(filter(None, name))}" does not exist')
        return []
    if node.remove_type == pg.OBJECT_DOMAIN and found.kind is not TypeKind.DOMAIN:
        context.builder.refuse("42809", f'"{found.name.name}" is not a domain')
        return []
    return [Thing(Sort.TYPE, found.name)]


def _statistics(context: Context, node: Any, item: Any) -> list[Thing]:
    schema, name = qualified(item)
    for relation in context.catalog.relations.values():
        if name in relation.statistics and schema in (None, relation.name.schema):
            return [Thing(Sort.STATISTICS, relation.name, name)]
    if not node.missing_ok:
        context.absent("42704", f'statistics object "{".".join(filter(None, (schema, name)))}" does not exist')
    return []


def _drop_owned(context: Context, node: Any) -> Effects:
    """Predict DROP OWNED, as far as earlier statements say who owns what."""
    things = [relation_thing(relation.name) for relation in owned(context, node.roles)]
    remove(context, things, cascade=node.behavior == pg.DROP_CASCADE)
    return context.builder.finish()
