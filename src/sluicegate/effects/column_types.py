"""ALTER COLUMN TYPE: whether the table is rewritten, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.casts import CastContext, find_cast
from sluicegate.catalog.columns_used import expression_columns
from sluicegate.catalog.model import Column, Generated, Name, RelationKind, SqlType
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, display, key_of, same_type, serial_base, written
from sluicegate.effects.alter_actions import definition
from sluicegate.effects.column_definitions import require_column_type
from sluicegate.effects.columns import refuse_partition_key
from sluicegate.effects.composite_types import column_using_row_type
from sluicegate.effects.default_values import refuse_value
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.index_definition import check_collation_exists
from sluicegate.effects.model import LockMode, LossKind
from sluicegate.effects.subquery_reads import old_and_new_columns, subquery_reads
from sluicegate.effects.type_change import Conversion, Value
from sluicegate.statements.nodes import string, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog
    from sluicegate.effects.alteration import Alteration, Command
    from sluicegate.effects.expressions import ExpressionFacts

_INTEGERS = frozenset({"int2", "int4", "int8"})
_WITH_MODIFIERS = frozenset(
    {
        *("bit", "bpchar", "interval", "numeric", "time", "timestamp", "timestamptz", "timetz", "varbit", "varchar"),
        *("halfvec", "sparsevec", "vector"),
    }
)
"""Types whose length or precision may change without a conversion; ``timestamp`` becomes ``timestamptz`` in UTC."""


def prepare_column_type(alteration: Alteration, command: Command) -> None:
    """Examine a type change here and below, and decide about the rewrite (``ATPrepAlterColumnType``)."""
    table, name = command.table, command.node.name
    relation = alteration.relation(table)
    column = alteration.column(table, name)
    change = definition(command.node)
    using = change.raw_default if change.HasField("raw_default") else None
    if using is not None:
        _accept(alteration, read_expression(alteration.now, using, Place.TRANSFORM, relation=relation), column)
    if relation.of_type is not None:
        alteration.refuse("42809", "cannot alter column type of typed table")
    if using is not None and column.generated is not None:
        alteration.refuse("42611", "cannot specify USING when altering type of generated column")
    if column.inherited:
        alteration.refuse("42P16", f'cannot alter inherited column "{name}"')
    refuse_partition_key(alteration, table, name, "alter")
    if serial_base(change.type_name) is not None:
        # Only a new column may be declared serial; elsewhere there is no such type.
        alteration.refuse("42704", f'type "{written(change.type_name)}" does not exist')
    target = require_column_type(alteration.now, change.type_name, name, member_of=table)
    _refuse_collation(alteration, change, target)
    _refuse_cast(alteration, table, column, target, using)
    if column.identity is not None and base_type(target, alteration.before).name.name not in _INTEGERS:
        alteration.refuse("22023", "identity column type must be smallint, integer, or bigint")
    if not alteration.recurse and alteration.children(table):
        alteration.refuse("42P16", f'type of inherited column "{name}" must be changed in child tables too')
    members = list(alteration.family(table)) if alteration.recurse else [table]
    for member in members:
        refuse_partition_key(alteration, member, name, "alter")
        _note_conversion(alteration, member, name, target, using)


def _refuse_collation(alteration: Alteration, change: Any, target: SqlType) -> None:
    if not change.HasField("coll_clause"):
        return
    facts = type_facts(target, alteration.before)
    if facts.known and not facts.collatable:
        shown = display(SqlType(target.name, array=target.array))
        alteration.refuse("42804", f"collations are not supported by type {shown}")
    check_collation_exists(alteration.now, change.coll_clause.collname)


def _refuse_cast(alteration: Alteration, table: Name, column: Column, target: SqlType, using: Any) -> None:
    catalog = alteration.draft.catalog
    if using is not None:
        relation = alteration.relation(table)
        found = read_expression(
            alteration.now, using, Place.TRANSFORM, relation=relation, target=target, column=column.name
        )
        _accept(alteration, found, column)
        if not found.columns:
            refuse_value(using, target, catalog)
        return
    if column.generated is Generated.VIRTUAL:
        return
    path = find_cast(column.type, target, catalog, alteration.version)
    if path is not None and path.context is not CastContext.EXPLICIT:
        return
    shown = display(SqlType(target.name, array=target.array))
    if not type_facts(column.type, catalog).known:
        return  # whoever wrote it knows that there is a cast; what is not known is whether it converts
    if path is None and not type_facts(target, catalog).known:
        alteration.builder.unknown(f"whether {display(column.type)} can be cast to {shown} is not known")
        return
    alteration.refuse("42804", f'column "{column.name}" cannot be cast automatically to type {shown}')


def _accept(alteration: Alteration, found: ExpressionFacts, column: Column) -> None:
    """Take over what an expression would do; that a column's type is not known decides nothing here by itself."""
    if found.refusal is not None:
        alteration.refuse(found.refusal.sqlstate, found.refusal.message)
    known = type_facts(column.type, alteration.draft.catalog).known
    for phrase in found.unknowns:
        if known or display(column.type) not in phrase:
            alteration.builder.unknown(phrase)


def _note_conversion(alteration: Alteration, member: Name, name: str, target: SqlType, using: Any) -> None:
    relation = alteration.relation(member)
    column = relation.columns[name]
    if column.generated is Generated.VIRTUAL:
        _refuse_row_type(alteration, member)
        return
    catalog = alteration.draft.catalog
    conversion = Conversion(
        catalog,
        alteration.context.search_path,
        alteration.version,
        alteration.context.session.timezone,
    )
    value: Value | None = Value(column.type, kept=True)
    if using is not None:
        value = conversion.through(using, name, column.type)
        _note_lost_values(alteration, member, column, using)
    work = alteration.work(member)
    work.new_values = True
    kept = value is not None and conversion.convert(value, target).kept
    if value is not None and not type_facts(column.type, catalog).known:
        if _only_from_itself(target, catalog, alteration.version):
            alteration.depends(f"rewrites nothing if {member}.{name} is {display(target)} already")
        else:
            alteration.builder.unknown(f"whether the type of {name} has to be converted to become {display(target)}")
    if not kept:
        work.rewrite.append(f"{name} is converted from {display(column.type)} to {display(target)}")
    _note_data(alteration, member, column, target, using, kept=kept)
    if relation.kind is RelationKind.PARTITIONED:
        _refuse_row_type(alteration, member)


def _only_from_itself(target: SqlType, catalog: Catalog, version: int) -> bool:
    """Tell whether no column of another type becomes one of this type without being converted.

    Then a type change rewrites the table, whatever the type was, unless it changes nothing. Columns of the types that
    name system objects (``oid``, ``regclass``) are left out of account: applications have none.
    """
    if not type_facts(target, catalog).known or base_type(target, catalog) is not target:
        return False
    key = key_of(replace(target, array=False), catalog)
    if key.startswith("@"):
        return True  # pgvector's own: whatever is not of this type and dimension already goes through a function
    if target.modifiers:
        return False
    if key in _WITH_MODIFIERS:
        return False
    casts = builtins(version).casts
    return not any(
        to == key and cast.method == "b" and not source.startswith(("oid", "reg", "pg_"))
        for (source, to), cast in casts.items()
    )


def _refuse_row_type(alteration: Alteration, member: Name) -> None:
    user = column_using_row_type(alteration.draft.catalog, member)
    if user is not None:
        shown = f'cannot alter table "{member.name}" because column "{user[0].name}.{user[1]}" uses its row type'
        alteration.refuse("0A000", shown)


def _note_lost_values(alteration: Alteration, member: Name, column: Column, using: Any) -> None:
    """Note that a USING clause which does not look at the column replaces every value in it."""
    for reference in walk_kinds(using, pg.ColumnRef):
        if not reference.fields or string(reference.fields[-1]) in {column.name, ""}:
            return
    alteration.builder.lose(LossKind.VALUES, member, column.name, asked=False, detail=display(column.type))


def _note_data(
    alteration: Alteration, member: Name, column: Column, target: SqlType, using: Any, *, kept: bool
) -> None:
    if kept:
        return
    path = find_cast(column.type, target, alteration.draft.catalog, alteration.version)
    widens = path is not None and path.context is CastContext.IMPLICIT and not path.to_domain
    if using is None and widens and not target.modifiers:
        return
    alteration.depends(f"fails if a value of {member}.{column.name} does not fit {display(target)}")


def run_column_type(alteration: Alteration, command: Command) -> None:
    """Change the type in the schema, here and below (``ATExecAlterColumnType``)."""
    name = command.node.name
    members = list(alteration.draft.family(command.table)) if alteration.recurse else [command.table]
    target = require_column_type(alteration.now, definition(command.node).type_name, name)
    for member in members:
        if name not in alteration.relation(member).columns:
            alteration.context.absent("42703", f'column "{name}" of relation "{member.name}" does not exist')
        work = alteration.work(member)
        if name in work.retyped:
            alteration.refuse("0A000", f'cannot alter type of column "{name}" twice')
        column = alteration.relation(member).columns[name]
        _refuse_default(alteration, column, target)
        _refuse_dependents(alteration, member, column)
        _lock_sequence(alteration, member, column)
        work.retyped[name] = column
    alteration.apply(command.table, command.node, recurse=alteration.recurse)


def _refuse_default(alteration: Alteration, column: Column, target: SqlType) -> None:
    """Refuse when the default does not become the new type by assignment."""
    if column.default is None or same_type(column.type, target):
        return
    place = Place.DEFAULT if column.generated is None else Place.GENERATED
    relation = next(
        relation for relation in alteration.draft.catalog.relations.values() if column in relation.columns.values()
    )
    found = read_expression(alteration.now, column.default.node, place, relation=relation)
    source = found.type
    if source is None or source.name.name == "unknown":
        # A literal has been read as the column's own type when it was set.
        source = column.type
    path = find_cast(source, target, alteration.draft.catalog, alteration.version)
    if path is not None and path.context is not CastContext.EXPLICIT:
        return
    if not (type_facts(source, alteration.before).known and type_facts(target, alteration.before).known):
        alteration.builder.unknown(f"whether the default of {column.name} can be cast is not known")
        return
    what = "default" if column.generated is None else "generation expression"
    shown = display(SqlType(target.name, array=target.array))
    alteration.refuse("42804", f'{what} for column "{column.name}" cannot be cast automatically to type {shown}')


def _refuse_dependents(alteration: Alteration, table: Name, column: Column) -> None:
    """Refuse when something uses the column that is not rebuilt (``RememberAllDependentForRebuilding``)."""
    catalog, relation, name = alteration.draft.catalog, alteration.relation(table), column.name
    if any(view.reads.get(table) is None or name in (view.reads[table] or ()) for view in catalog.views_on(table)):
        alteration.refuse("0A000", "cannot alter type of a column used by a view or rule")
    if any(name in columns for columns in relation.rule_columns.values()):
        alteration.refuse("0A000", "cannot alter type of a column used by a view or rule")
    for trigger in relation.triggers.values():
        if name in trigger.update_columns or name in old_and_new_columns(trigger.when):
            alteration.refuse("0A000", "cannot alter type of a column used in a trigger definition")
    for policy in relation.policies.values():
        for expression in (policy.using, policy.with_check):
            if name in expression_columns(expression, relation.columns):
                alteration.refuse("0A000", "cannot alter type of a column used in a policy definition")
    _refuse_readers(alteration, table, name)
    for other in relation.columns.values():
        used = other.generated is not None and other.name != name
        if used and name in expression_columns(other.default, relation.columns):
            sqlstate = "0A000" if alteration.version >= 15 else "42601"
            alteration.refuse(sqlstate, "cannot alter type of a column used by a generated column")


def _refuse_readers(alteration: Alteration, table: Name, name: str) -> None:
    """Refuse when a function's parsed body, or another table's policy, reads the column."""
    catalog = alteration.draft.catalog
    for functions in catalog.functions.values():
        for function in functions:
            if name in (function.reads.get(table) or ()):
                alteration.refuse("0A000", "cannot alter type of a column used by a function or procedure")
    for other in catalog.relations.values():
        for policy in other.policies.values():
            for expression in (policy.using, policy.with_check):
                if expression is None:
                    continue
                reads = subquery_reads(expression.node, catalog, alteration.context.search_path)
                if name in (reads.get(table) or ()):
                    alteration.refuse("0A000", "cannot alter type of a column used in a policy definition")


def _lock_sequence(alteration: Alteration, table: Name, column: Column) -> None:
    """Note the lock on an identity column's sequence, whose type follows."""
    if column.identity is None:
        return
    for relation in alteration.draft.catalog.relations.values():
        if relation.owned_by == (table, column.name):
            alteration.builder.lock(relation, LockMode.ShareRowExclusiveLock)
