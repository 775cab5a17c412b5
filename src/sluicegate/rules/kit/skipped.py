"""What IF NOT EXISTS skips although another thing has the name: found by replaying the statement without that thing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluicegate.catalog.model import Name
from sluicegate.catalog.replay import apply
from sluicegate.rules.kit.spelling import listed
from sluicegate.rules.kit.vectors import written_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog, Index, Relation
    from sluicegate.rules.kit.context import Context


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays as it is: what it is, and in what it differs from what the statement says."""

    what: str
    difference: str


def skipped(context: Context) -> Iterator[Kept]:
    """Yield what a statement with IF NOT EXISTS leaves as it is although it says otherwise."""
    if context.kind == "index_stmt" and context.node.if_not_exists:
        yield from _index(context)
    elif context.kind == "create_stmt" and context.node.if_not_exists:
        yield from _table(context)
    for command in context.commands:
        if command.kind == "AT_AddColumn" and command.node.missing_ok:
            old = context.column(command.table, command.name)
            relation = context.relation(command.table)
            if old is None or relation is None:
                continue
            columns = {name: column for name, column in relation.columns.items() if name != command.name}
            wanted = _replayed(context, context.before.with_relation(replace(relation, columns=columns)))
            new = wanted.relations[command.table].columns.get(command.name)
            if new is not None and new.type != old.type:
                what = f"Column {context.spelled(command.table)}.{command.name}"
                yield Kept(what, f"{written_type(old.type)}, not {written_type(new.type)}")


def _index(context: Context) -> Iterator[Kept]:
    table = context.name_of(context.node.relation)
    old = context.before.indexes.get(Name(table.schema, context.node.idxname))
    if old is None:
        return
    wanted = _replayed(context, context.before.without_index(old.name)).indexes.get(old.name)
    if wanted is not None and (difference := _index_difference(old, wanted)):
        yield Kept(f"Index {context.spelled(old.name)}", difference)


def _index_difference(old: Index, new: Index) -> str:
    found = []
    if old.table != new.table:
        found.append(f"on {old.table.name}, not on {new.table.name}")
    elif _keys(old) != _keys(new):
        found.append(f"on ({', '.join(_keys(old))}), not on ({', '.join(_keys(new))})")
    if old.method != new.method:
        found.append(f"{old.method}, not {new.method}")
    if old.unique != new.unique:
        found.append("unique" if old.unique else "not unique")
    if bool(old.predicate) != bool(new.predicate):
        found.append("partial" if old.predicate else "not partial")
    if dict(old.options) != dict(new.options):
        found.append("other options")
    return listed(found)


def _keys(index: Index) -> list[str]:
    return [key.column or (key.expression.sql if key.expression else "") for key in index.keys]


def _table(context: Context) -> Iterator[Kept]:
    table = context.name_of(context.node.relation)
    old = context.relation(table)
    if old is None:
        return
    wanted = _replayed(context, context.before.without_relation(table)).relations.get(table)
    if wanted is not None and (difference := _table_difference(old, wanted)):
        yield Kept(f"Table {context.spelled(table)}", difference)


def _table_difference(old: Relation, new: Relation) -> str:
    missing = [name for name in new.columns if name not in old.columns]
    other = [name for name in new.columns if name in old.columns and new.columns[name].type != old.columns[name].type]
    found = [f"without {listed(missing)}"] if missing else []
    return listed([*found, *(f"{name} is {written_type(old.columns[name].type)}" for name in other)])


def _replayed(context: Context, catalog: Catalog) -> Catalog:
    return apply(context.statement, catalog, context.step.session)
