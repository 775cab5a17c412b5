"""PostgreSQL types as SQLAlchemy writes them, so that a remedy can be pasted into a revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.rules.kit.spelling import expression_sql
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from sluicegate.catalog.model import SqlType

_PLAIN = {
    "bool": "sa.Boolean()",
    "int2": "sa.SmallInteger()",
    "int4": "sa.Integer()",
    "int8": "sa.BigInteger()",
    "float4": "sa.REAL()",
    "float8": "sa.Double()",
    "text": "sa.Text()",
    "bytea": "sa.LargeBinary()",
    "uuid": "sa.Uuid()",
    "date": "sa.Date()",
    "timestamp": "sa.DateTime()",
    "timestamptz": "sa.DateTime(timezone=True)",
    "time": "sa.Time()",
    "json": "sa.JSON()",
    "jsonb": "postgresql.JSONB()",
    "tsvector": "postgresql.TSVECTOR()",
    "inet": "postgresql.INET()",
    "varchar": "sa.String()",
    "numeric": "sa.Numeric()",
}
_WITH_MODIFIERS = {
    "varchar": "sa.String({})",
    "bpchar": "sa.CHAR({})",
    "numeric": "sa.Numeric({})",
    "vector": "Vector({})",
    "halfvec": "HALFVEC({})",
    "sparsevec": "SPARSEVEC({})",
}
_SERIAL = {"smallserial": "int2", "serial": "int4", "bigserial": "int8", "serial2": "int2", "serial4": "int4"}
_SERIAL["serial8"] = "int8"


def plain_name(type_name: Any) -> str:
    """Return the last part of a ``TypeName``; for ``serial`` and its kin the integer type behind it."""
    name = strings(type_name.names)[-1] if type_name.names else ""
    return _SERIAL.get(name, name) if len(type_name.names) == 1 else name


def alembic_type(type_name: Any) -> str | None:
    """Return a ``TypeName`` as a SQLAlchemy expression, or None when it has no short one."""
    modifiers = [expression_sql(modifier) for modifier in type_name.typmods]
    return _spelled(plain_name(type_name), modifiers, array=bool(type_name.array_bounds))


def alembic_type_of(column_type: SqlType) -> str | None:
    """Return a column's type as a SQLAlchemy expression, or None when it has no short one."""
    return _spelled(column_type.name.name, [str(m) for m in column_type.modifiers], array=column_type.array)


def _spelled(name: str, modifiers: list[str], *, array: bool) -> str | None:
    spelled = _WITH_MODIFIERS[name].format(", ".join(modifiers)) if modifiers and name in _WITH_MODIFIERS else None
    if spelled is None and not modifiers:
        spelled = _PLAIN.get(name)
    if spelled is None:
        return None
    return f"postgresql.ARRAY({spelled})" if array else spelled
