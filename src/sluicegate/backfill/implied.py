"""Find conditions that a chunk's key range implies, so that the server reads a range of the other tables too.

``done`` is usually ``EXISTS (SELECT 1 FROM t WHERE t.event_id = row.id)``, and the rows of a chunk have ids between two
bounds. So ``t.event_id`` lies between them as well, but the planner draws no such conclusion: without statistics it
joins every chunk with the whole of ``t``, and the backfill slows down as it goes. The conclusion is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import strings, unwrap, walk, walk_kinds
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = "row"
"""The alias under which fragments speak of the base table's row."""

CHUNK_NAME = "sg_chnk"
"""Stands in for ``{chunk}`` while a statement is parsed: a name of the same length keeps every offset true."""


@dataclass(frozen=True, slots=True)
class Implied:
    """A column that equals the first key column of a chunk's rows, and so lies in the chunk's range.

    Attributes:
        offset: where in the text the condition ``column BETWEEN … AND`` may be put in, in characters.
        alias: the name before the column's dot.
        column: the column.
        schema: the schema of its table, None when the text does not say.
        table: its table.
        decides: whether the condition is false for every row of the chunk when the table has no row in the range.
    """

    offset: int
    alias: str
    column: str
    schema: str | None
    table: str
    decides: bool = False


def in_condition(text: str, key: str) -> tuple[Implied, ...]:
    """Return what the range of ``row.<key>`` implies inside the EXISTS subqueries of a condition."""
    prefix = "SELECT (\n"
    sql = f"{prefix}{text}\n)"
    statement = parse_statement(sql).node
    whole = unwrap(unwrap(statement.target_list[0]).val)
    found: list[Implied] = []
    for link in walk_kinds(statement, pg.SubLink):
        select = unwrap(link.subselect)
        if link.sub_link_type == pg.EXISTS_SUBLINK and ROW not in _names(select.from_clause):
            found += _equalities(statement, select, select.from_clause, ROW, key, whole=link is whole)
    return _placed(sql, found, len(prefix))


def in_statement(text: str, key: str) -> tuple[Implied, ...]:
    """Return what the range of a chunk implies in a statement that reads ``{chunk}``, given with CHUNK_NAME for it."""
    statement = parse_statement(text).node
    found: list[Implied] = []
    for message in walk_kinds(statement, pg.SelectStmt, pg.UpdateStmt, pg.DeleteStmt):
        sources = list(message.using_clause if isinstance(message, pg.DeleteStmt) else message.from_clause)
        alias = next((name for name, table in _names(sources).items() if table and table.relname == CHUNK_NAME), None)
        if alias is None:
            continue
        if not isinstance(message, pg.SelectStmt):
            sources.append(message.relation)
        found += _equalities(statement, message, sources, alias, key)
    return _placed(text, found, 0)


def chunk_places(text: str) -> tuple[tuple[int, bool], ...]:
    """Return where a statement, given with CHUNK_NAME for ``{chunk}``, says it, and whether as a condition.

    As a table it is the chunk's rows, as a condition whether ``row`` is one of them; strings and comments keep it.
    """
    encoded = text.encode()
    tree = parse_statement(text).node
    tables = [(one.location, False) for one in walk_kinds(tree, pg.RangeVar) if one.relname == CHUNK_NAME]
    columns = [(one.location, True) for one in walk_kinds(tree, pg.ColumnRef) if strings(one.fields) == (CHUNK_NAME,)]
    return tuple((len(encoded[:location].decode()), condition) for location, condition in sorted(tables + columns))


def never_null(text: str) -> bool:
    """Tell whether a condition is always true or false, so that NOT (…) finds all rows where it fails."""
    select = parse_statement(f"SELECT (\n{text}\n)").node
    return _never_null(unwrap(select.target_list[0]).val)


def _never_null(node: Any) -> bool:
    inner = unwrap(node)
    if isinstance(inner, pg.SubLink):
        return bool(inner.sub_link_type == pg.EXISTS_SUBLINK)
    if isinstance(inner, pg.BoolExpr):
        return all(_never_null(argument) for argument in inner.args)
    return isinstance(inner, pg.NullTest | pg.BooleanTest)


def _equalities(
    statement: Any, message: Any, sources: Any, alias: str, key: str, *, whole: bool = False
) -> Iterator[Implied]:
    """Find ``alias.key = table.column`` among the conditions of WHERE and of every ON, whatever the kind of join."""
    tables = _names(sources)
    shadowed = {query.ctename for query in walk_kinds(statement, pg.CommonTableExpr)}
    # An aggregate or a set operation may return a row where no row was found.
    simple = (
        not (message.group_clause or message.HasField("having_clause") or message.op != pg.SETOP_NONE)
        if whole
        else False
    )
    simple = simple and not any(walk_kinds(message, pg.FuncCall))
    conditions = [(one, simple) for one in _conjuncts(message.where_clause)]
    conditions += [(one, False) for on in _ons(sources) for one in _conjuncts(on)]
    for condition, deciding in conditions:
        if not isinstance(condition, pg.A_Expr) or condition.kind != pg.AEXPR_OP or strings(condition.name) != ("=",):
            continue
        sides = [_column(condition.lexpr), _column(condition.rexpr)]
        if (alias, key) not in sides:
            continue
        other = sides[1 - sides.index((alias, key))]
        table = tables.get(other[0]) if other is not None else None
        if other is None or table is None or table.relname in {CHUNK_NAME, *shadowed}:
            continue
        offset = unwrap(condition.lexpr).location
        yield Implied(offset, other[0], other[1], table.schemaname or None, table.relname, deciding)


def _finds_only_rows(select: pg.SelectStmt) -> bool:
    """Whether a query returns nothing when its WHERE holds for nothing; an aggregate would return a row even then."""
    grouped = bool(select.group_clause) or select.HasField("having_clause") or select.op != pg.SETOP_NONE
    calls = (call for target in select.target_list for call in walk_kinds(target, pg.FuncCall))
    return not grouped and next(calls, None) is None


def _ons(sources: Any) -> Iterator[Any]:
    for source in map(unwrap, sources):
        if isinstance(source, pg.JoinExpr):
            yield source.quals
            yield from _ons([source.larg, source.rarg])


def _conjuncts(node: Any) -> Iterator[Any]:
    inner = unwrap(node)
    if isinstance(inner, pg.BoolExpr) and inner.boolop == pg.AND_EXPR:
        for argument in inner.args:
            yield from _conjuncts(argument)
    elif inner is not None:
        yield inner


def _column(node: Any) -> tuple[str, str] | None:
    inner = unwrap(node)
    if not isinstance(inner, pg.ColumnRef) or len(inner.fields) != 2:
        return None
    names = strings(inner.fields)
    return (names[0], names[1]) if all(names) else None


def _names(sources: Any) -> dict[str, Any]:
    """Return the names that a FROM list defines, with their table; None for what is no plain table."""
    found: dict[str, Any] = {}
    pending = [unwrap(source) for source in sources]
    while pending:
        source = pending.pop()
        if isinstance(source, pg.JoinExpr):
            pending += [unwrap(source.larg), unwrap(source.rarg)]
            if source.alias.aliasname:
                found[source.alias.aliasname] = None
        elif isinstance(source, pg.RangeVar):
            # Column aliases rename what the catalog knows.
            known = not source.alias.colnames
            found[source.alias.aliasname or source.relname] = source if known else None
        else:
            found |= {alias.aliasname: None for alias in walk(source) if isinstance(alias, pg.Alias)}
    return found


def _placed(sql: str, found: list[Implied], shift: int) -> tuple[Implied, ...]:
    """Turn the parser's byte offsets into characters of the author's text."""
    encoded = sql.encode()
    return tuple(
        replace(one, offset=len(encoded[: one.offset].decode()) - shift)
        for one in sorted(found, key=lambda one: one.offset)
    )
