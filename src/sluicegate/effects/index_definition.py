"""The checks of an index's definition: method, columns, expressions, operator classes, options, partition key.

Source: ``DefineIndex``, ``ComputeIndexAttrs`` and ``ResolveOpClass`` in PostgreSQL's commands/indexcmds.c, and
``transformIndexStmt`` in parser/parse_utilcmd.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Generated, RelationKind, SqlType, Volatility
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import builtin_type, display
from sluicegate.effects.context import Refused, Unknowable
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.operator_classes import accepts, access_method, default_operator_class, operator_class
from sluicegate.effects.relation_options import check_options
from sluicegate.statements.nodes import qualified, strings

if TYPE_CHECKING:
    from sluicegate.catalog.builtins import AccessMethod
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context

_MAX_KEYS = 32  # INDEX_MAX_KEYS in pg_config_manual.h
_SYSTEM_COLUMNS = frozenset({"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"})


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an index to be: its type where known, and the operator class chosen for it."""

    type: SqlType | None
    operator_class: str | None
    input: str | None = None
    column: str | None = None


_WITHOUT_CLASS_OPTIONS = {"btree", "hash", "hnsw", "ivfflat"}


def check_definition(context: Context, relation: Relation, node: Any) -> tuple[Key, ...]:
    """Refuse an ``IndexStmt`` as the server does before it builds anything, and return its keys.

    Raises:
        Refused: the server rejects it.
    """
    elements = [item.index_elem for item in node.index_params]
    included = [item.index_elem for item in node.index_including_params]
    _check_parsed(context, relation, node, elements)
    if len(elements) + len(included) > _MAX_KEYS:
        raise Refused("54011", f"cannot use more than {_MAX_KEYS} columns in an index")
    if relation.kind not in {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.MATERIALIZED_VIEW}:
        raise Refused("42809", f'cannot create index on relation "{relation.name.name}"')
    if relation.kind is RelationKind.PARTITIONED and node.concurrent:
        raise Refused("0A000", f'cannot create index on partitioned table "{relation.name.name}" concurrently')
    check_tablespace(context, node.table_space)
    method = require_method(context, node.access_method or "btree")
    _check_abilities(method, node, len(elements), len(included))
    refusal = check_options(node.options, method.name, context.version)
    if refusal is not None:
        raise Refused(refusal.sqlstate, refusal.message)
    keys = tuple(_key(context, relation, element, method) for element in elements)
    for element in included:
        _include(relation, element, context)
    if node.unique and relation.kind is RelationKind.PARTITIONED:
        check_partition_key(relation, [element.name or None for element in elements])
    return keys


def _check_parsed(context: Context, relation: Relation, node: Any, elements: list[Any]) -> None:
    """Read the predicate and the expressions for what analysis refuses, and for what must be immutable."""
    if node.HasField("where_clause"):
        facts = read_expression(context, node.where_clause, Place.PREDICATE, relation=relation, condition=True)
        _accept(context, facts, "functions in index predicate must be marked IMMUTABLE")
        _refuse_virtual(relation, facts.columns)
    for element in elements:
        if element.HasField("expr"):
            facts = read_expression(context, element.expr, Place.INDEX, relation=relation)
            if facts.refusal is not None:
                raise Refused(facts.refusal.sqlstate, facts.refusal.message)


def _accept(context: Context, facts: Any, message: str) -> None:
    if facts.refusal is not None:
        raise Refused(facts.refusal.sqlstate, facts.refusal.message)
    for phrase in facts.unknowns:
        context.builder.unknown(phrase)
    if facts.volatility not in {None, Volatility.IMMUTABLE}:
        raise Refused("42P17", message)


def _refuse_virtual(relation: Relation, columns: tuple[str, ...]) -> None:
    for name in columns:
        column = relation.columns.get(name)
        if column is not None and column.generated is Generated.VIRTUAL:
            raise Refused("0A000", "indexes on virtual generated columns are not supported")


def require_method(context: Context, name: str) -> AccessMethod:
    """Return an index access method.

    Raises:
        Refused: there is none of the name (42704).
    """
    method = access_method(name, context.catalog, context.version)
    if method is None:
        context.absent("42704", f'access method "{name}" does not exist')
    if method.kind != "i":
        raise Refused("XX000", "index access method handler function 3 did not return an IndexAmRoutine struct")
    return method


def check_tablespace(context: Context, name: str) -> None:
    """Refuse a tablespace that no user's relation may be in; others belong to the cluster, not to the schema."""
    if name == "pg_global":
        raise Refused("22023", "only shared relations can be placed in pg_global tablespace")
    if name and name != "pg_default":
        context.builder.unknown(f"whether the tablespace {name} exists is not part of the schema")


def _check_abilities(method: AccessMethod, node: Any, keys: int, included: int) -> None:
    for wanted, able, what in (
        (node.unique, method.unique, "unique indexes"),
        (included > 0, method.includes, "included columns"),
        (keys > 1, method.several_columns, "multicolumn indexes"),
    ):
        if wanted and not able:
            raise Refused("0A000", f'access method "{method.name}" does not support {what}')


def _key(context: Context, relation: Relation, element: Any, method: AccessMethod) -> Key:
    sql_type: SqlType | None
    if element.name:
        sql_type = _column_type(context, relation, element.name)
    else:
        facts = read_expression(context, element.expr, Place.INDEX, relation=relation)
        _accept(context, facts, "functions in index expression must be marked IMMUTABLE")
        _refuse_virtual(relation, facts.columns)
        if set(facts.columns) & _SYSTEM_COLUMNS - set(relation.columns):
            raise Refused("0A000", "index creation on system columns is not supported")
        sql_type = facts.type
        if sql_type == builtin_type("unknown"):
            if not element.opclass:
                shown = f'default operator class for access method "{method.name}"'
                raise Refused("42704", f"data type unknown has no {shown}")
            sql_type = builtin_type("text")
    _check_collation(context, element, sql_type)
    chosen = _operator_class(context, element, method, sql_type)
    if element.opclassopts and method.name in _WITHOUT_CLASS_OPTIONS:
        raise Refused("22023", f"operator class {chosen[0]} has no options")
    ordered = element.ordering not in {pg.SORTBY_DEFAULT, pg.SORT_BY_DIR_UNDEFINED}
    nulls = element.nulls_ordering not in {pg.SORTBY_NULLS_DEFAULT, pg.SORT_BY_NULLS_UNDEFINED}
    if (ordered or nulls) and not method.orders:
        what = "ASC/DESC" if ordered else "NULLS FIRST/LAST"
        raise Refused("0A000", f'access method "{method.name}" does not support {what} options')
    return Key(sql_type, chosen[0], chosen[1], element.name or None)


def _column_type(context: Context, relation: Relation, name: str) -> SqlType:
    column = relation.columns.get(name)
    if column is None:
        if name in _SYSTEM_COLUMNS:
            raise Refused("0A000", "index creation on system columns is not supported")
        context.absent("42703", f'column "{name}" does not exist')
    _refuse_virtual(relation, (name,))
    return column.type


def _include(relation: Relation, element: Any, context: Context) -> None:
    if not element.name:
        raise Refused("0A000", "expressions are not supported in included columns")
    _column_type(context, relation, element.name)


def _check_collation(context: Context, element: Any, sql_type: SqlType | None) -> None:
    if not element.collation:
        return
    check_collation_exists(context, element.collation)
    if sql_type is None:
        return
    facts = type_facts(sql_type, context.catalog)
    if facts.known and not facts.collatable:
        raise Refused("42804", f"collations are not supported by type {display(_plain(sql_type))}")


def check_collation_exists(context: Context, names: Any) -> None:
    """Refuse a collation that does not exist; the operating system's are not known from the schema."""
    from sluicegate.catalog.builtins import builtins

    schema, name = qualified(names)
    if name in builtins(context.version).collations or schema not in (None, "pg_catalog"):
        return
    context.builder.unknown(f"whether the collation {name} exists depends on the server's operating system")


def _operator_class(
    context: Context, element: Any, method: AccessMethod, sql_type: SqlType | None
) -> tuple[str | None, str | None]:
    catalog, version = context.catalog, context.version
    if element.opclass:
        names = strings(element.opclass)
        if len(names) > 1 and names[0] not in {*catalog.schemas, "pg_catalog"}:
            context.absent("3F000", f'schema "{names[0]}" does not exist')
        found = operator_class(method.name, names[-1], catalog, version)
        if not found:
            context.absent("42704", f'operator class "{names[-1]}" does not exist for access method "{method.name}"')
        if sql_type is not None and not any(accepts(one, sql_type, catalog, version) for one in found):
            raise Refused(
                "42804", f'operator class "{names[-1]}" does not accept data type {display(_plain(sql_type))}'
            )
        return names[-1], found[0].input
    if sql_type is None:
        context.builder.unknown("which operator class the expression gets is not known")
        return None, None
    default = default_operator_class(method.name, sql_type, catalog, version)
    if default is None:
        if not type_facts(sql_type, catalog).known:
            raise Unknowable(f"the type {display(sql_type)} is not in the schema that was given")
        raise Refused(
            "42704",
            f'data type {display(_plain(sql_type))} has no default operator class for access method "{method.name}"',
        )
    return default.name, default.input


def _plain(sql_type: SqlType) -> SqlType:
    return SqlType(sql_type.name, array=sql_type.array)


def check_partition_key(relation: Relation, columns: list[str | None], word: str = "unique") -> None:
    """Refuse a unique index or key on a partitioned table that does not hold the whole partition key."""
    partitioning = relation.partitioning
    if partitioning is None:
        return
    for column in partitioning.columns:
        if column is None:
            raise Refused("0A000", f"unsupported {word.upper()} constraint with partition key definition")
        if column not in columns:
            raise Refused("0A000", f"{word} constraint on partitioned table must include all partitioning columns")
