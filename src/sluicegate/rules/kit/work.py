"""What a statement's work amounts to at production's size: which tables, how large, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Name, RelationKind
from sluicegate.rules.kit.commands import constraints_in
from sluicegate.rules.kit.durations import NO_TIME, Duration, Rates
from sluicegate.rules.kit.vectors import VECTOR_TYPES
from sluicegate.rules.kit.words import sized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Index, Relation
    from sluicegate.rules.kit.context import Context

_WIDTHS = {"bool": 1, "int2": 2, "int4": 4, "int8": 8, "float4": 4, "float8": 8, "uuid": 16, "date": 4, "jsonb": 300}
_TEXT = 60  # bytes of a value of unknown length
_ROW = 28  # tuple header and line pointer
_OUT_OF_LINE = 2_000  # TOAST_TUPLE_THRESHOLD: larger values leave the row


@dataclass(frozen=True, slots=True)
class Estimate:
    """How large the tables are that a statement works through, and how long that takes.

    Attributes:
        tables: each table with its rows, and its bytes where a snapshot knows them.
        duration: from the measured time to that of a busy server.
    """

    tables: tuple[tuple[Name, int, int | None], ...]
    duration: Duration

    def sentence(self, context: Context, message: str) -> str:
        """Return the sentence that follows a message; sizes that it names already are not repeated."""
        words = self.duration.words
        takes = f"takes {'about ' if words[0].isdigit() else ''}{words}"
        sizes = [
            f"{context.spelled(name)} has {sized(rows, size)}"
            for name, rows, size in self.tables
            if sized(rows, size) not in message
        ]
        return f"{' and '.join(sizes)}: that {takes}." if sizes else f"At this size that {takes}."

    def as_json(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return {
            "tables": {str(name): {"rows": rows, "bytes": size} for name, rows, size in self.tables},
            "seconds": [round(self.duration.low, 1), round(self.duration.high, 1)],
        }


def estimate(context: Context) -> Estimate | None:
    """Return what a statement's work amounts to; None where a size is not known, or there is no work."""
    if context.kind == "truncate_stmt":
        return None  # new files are empty
    if any(change.filtered or not change.alters_rows for change in context.data_changes()):
        return None  # nobody knows how many rows it finds
    work = dict(_work(context))
    tables = _without_parents(context, [name for name in work if context.in_use(name)])
    sizes = [(name, context.rows(name), context.bytes(name)) for name in tables]
    if not sizes or any(not rows for _, rows, _ in sizes):
        return None
    duration = sum((work[name] for name in tables), NO_TIME)
    return Estimate(tuple((name, rows or 0, size) for name, rows, size in sizes), duration)


def _work(context: Context) -> Iterator[tuple[Name, Duration]]:
    rates = Rates(context.policy.durations)
    effects = context.effects
    by_key = _checks_keys(context)
    for text in sorted(effects.rewrites | effects.scans | effects.index_builds):
        name = _parsed(text)
        rows = context.rows(name) or 0
        duration = NO_TIME
        if text in effects.rewrites:
            duration += rates.rewrite(_data(context, name))
            duration += _indexes(rates, context, context.before.indexes_of(name), name, rows)
        elif text in effects.scans:
            duration += rates.foreign_key(rows) if by_key else rates.scan(_heap(context, name))
        if text in effects.index_builds and text not in effects.rewrites:
            duration += _indexes(rates, context, _built(context, name), name, rows) or rates.index("btree", rows)
        yield name, duration
    for change in context.data_changes():
        yield change.target, rates.update(context.rows(change.target) or 0)


def _indexes(rates: Rates, context: Context, indexes: Any, table: Name, rows: int) -> Duration:
    relation = context.after.relations.get(table)
    built = (
        rates.index(index.method, rows, dimensions=_dimensions(relation, index), options=index.options)
        for index in indexes
    )
    return sum(built, NO_TIME)


def _built(context: Context, table: Name) -> tuple[Index, ...]:
    """Return the indexes that a statement builds on a table: new ones, or, where none is new, those there were."""
    known = {index.name for index in context.before.indexes_of(table)}
    new = tuple(index for index in context.after.indexes_of(table) if index.name not in known)
    return new or tuple(context.before.indexes_of(table))


def _dimensions(relation: Relation | None, index: Index) -> int:
    for key in index.keys:
        column = relation.columns.get(key.column or "") if relation else None
        if column is not None and column.type.name.name in VECTOR_TYPES and column.type.modifiers:
            return int(column.type.modifiers[0])
    return 0


def _checks_keys(context: Context) -> bool:
    """Tell whether what the statement reads, it reads to look up foreign keys."""
    for command in context.commands:
        if any(True for _ in constraints_in(command, "CONSTR_FOREIGN")):
            return True
        relation = context.relation(command.table)
        constraint = relation.constraints.get(command.name) if relation else None
        if command.kind == "AT_ValidateConstraint" and constraint is not None and constraint.references is not None:
            return True
    return False


def _data(context: Context, name: Name) -> int:
    size = context.size(name)
    return size.data if size is not None else (context.rows(name) or 0) * _width(context, name, whole=True)


def _heap(context: Context, name: Name) -> int:
    size = context.size(name)
    return size.heap if size is not None else (context.rows(name) or 0) * _width(context, name, whole=False)


def _width(context: Context, name: Name, *, whole: bool) -> int:
    """Guess a row's bytes by its columns, where no snapshot knows them; ``whole`` counts what leaves the row."""
    relation = context.relation(name)
    if relation is None or not relation.columns:
        return _ROW + 2 * _TEXT
    return _ROW + sum(_value(column.type, whole=whole) for column in relation.columns.values())


def _value(column_type: Any, *, whole: bool) -> int:
    name = column_type.name.name
    width = _WIDTHS.get(name, 8 if name.startswith(("time", "interval")) else _TEXT)
    if name in VECTOR_TYPES and column_type.modifiers:
        width = int(column_type.modifiers[0]) * (2 if name == "halfvec" else 4) + 8
    return width if whole or width <= _OUT_OF_LINE else 18  # a TOAST pointer


def _without_parents(context: Context, names: list[Name]) -> list[Name]:
    """Leave out partitioned tables beside their partitions, whose sizes add up to theirs."""
    plain = []
    for name in names:
        relation = context.relation(name)
        partitioned = relation is not None and relation.kind is RelationKind.PARTITIONED
        if not partitioned or not any(_is_below(context, other, name) for other in names):
            plain.append(name)
    return plain


def _is_below(context: Context, child: Name, parent: Name) -> bool:
    relation = context.relation(child)
    return relation is not None and parent in relation.parents


def _parsed(name: str) -> Name:
    schema, _, relation = name.partition(".")
    return Name(schema, relation)
