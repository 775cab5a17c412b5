"""Parse trees and names back into SQL text, for messages and remedies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import deparse, unwrap
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterable


def identifier(name: str) -> str:
    """Return a name as SQL writes it, quoted where it must be."""
    return deparse(pg.ColumnRef(fields=[pg.Node(string=pg.String(sval=name))]))


def qualified_identifier(schema: str | None, name: str) -> str:
    """Return ``schema.name`` as SQL writes it; without a schema, the bare name."""
    return f"{identifier(schema)}.{identifier(name)}" if schema else identifier(name)


def literal(value: str) -> str:
    """Return a string as an SQL literal."""
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def expression_sql(node: Any) -> str:
    """Return an expression's or a statement's parse tree as SQL, in PostgreSQL's own spelling."""
    return deparse(node)


def type_sql(type_name: Any) -> str:
    """Return a ``TypeName`` as SQL, such as ``varchar(20)``."""
    null = pg.Node(a_const=pg.A_Const(isnull=True))
    return deparse(pg.TypeCast(arg=null, type_name=type_name)).removeprefix("NULL::")


def type_named(name: str) -> Any:
    """Return a type of PostgreSQL's own as a ``TypeName``."""
    parts = (pg.Node(string=pg.String(sval=part)) for part in ("pg_catalog", name))
    return pg.TypeName(names=list(parts), typemod=-1)


def expression_of(sql: str) -> Any:
    """Return an SQL expression of ours as a ``Node``."""
    return parse_statement(f"SELECT {sql}").node.target_list[0].res_target.val


def is_null(expression: Any) -> bool:
    """Tell whether an expression is the constant NULL, also under a cast."""
    inner = unwrap(expression)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    return isinstance(inner, pg.A_Const) and inner.isnull


def listed(items: Iterable[str]) -> str:
    """Join words as a sentence does: ``a``, ``a and b``, ``a, b and c``."""
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
