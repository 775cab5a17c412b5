"""Whether a column may have a type: type modifiers in range, no pseudo-type, no row type within itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.extensions import VECTOR_TYPES
from sluicegate.catalog.model import SqlType, TypeKind
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import CATALOG_SCHEMA, display, serial_base
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import qualified, strings, unwrap, value_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Name
    from sluicegate.effects.context import Context

_LONGEST = 10_485_760  # MaxAttrSize in access/htup_details.h: characters of varchar(n) and char(n)
_LONGEST_BITS = 83_886_080  # MaxAttrSize * BITS_PER_BYTE
VECTOR_DIMENSIONS = {"vector": 16_000, "halfvec": 16_000, "sparsevec": 1_000_000_000}
"""The most dimensions of each type (pgvector 0.8.5: VECTOR_MAX_DIM, HALFVEC_MAX_DIM, SPARSEVEC_MAX_DIM)."""


def require_column_type(context: Context, type_name: Any, column: str, *, member_of: Name | None = None) -> SqlType:
    """Return the type a column is declared with.

    Args:
        context: the statement.
        type_name: the ``TypeName``.
        column: the column's name, for messages.
        member_of: the table the column belongs to.

    Raises:
        Refused: there is no such type (42704), its modifiers are wrong (22023, 42601), or no column has it (42P16).
        Unknowable: it is not in a catalog that is not complete.
    """
    serial = serial_base(type_name)
    if serial is not None:
        return serial
    if strings(type_name.names)[-1] in {"serial", "bigserial", "smallserial", "serial4"} and type_name.array_bounds:
        raise Refused("0A000", "array of serial is not implemented")
    schema, _ = qualified(type_name)
    if schema is not None and schema not in context.catalog.schemas and not schema.startswith("pg_"):
        context.absent("3F000", f'schema "{schema}" does not exist')
    sql_type = context.require_type(type_name)
    check_modifiers(sql_type, type_name, context.catalog)
    check_storable(sql_type, column, context.catalog, member_of=member_of)
    return sql_type


def check_storable(sql_type: SqlType, column: str, catalog: Catalog, *, member_of: Name | None = None) -> None:
    """Refuse a pseudo-type, and a row type within itself (``CheckAttributeType`` in PostgreSQL's heap.c)."""
    if not sql_type.array and type_facts(sql_type, catalog).pseudo:
        raise Refused("42P16", f'column "{column}" has pseudo-type {display(sql_type)}')
    if member_of is not None and _contains(sql_type, member_of, catalog):
        raise Refused("42P16", f"composite type {member_of.name} cannot be made a member of itself")


def _contains(sql_type: SqlType, wanted: Name, catalog: Catalog) -> bool:
    seen: set[Name] = set()
    pending = [sql_type.name]
    while pending:
        name = pending.pop()
        if name == wanted:
            return True
        if name in seen:
            continue
        seen.add(name)
        user_type, relation = catalog.types.get(name), catalog.relations.get(name)
        if user_type is not None and user_type.kind is TypeKind.DOMAIN and user_type.base is not None:
            pending.append(user_type.base.name)
        elif relation is not None:
            pending += [column.type.name for column in relation.columns.values()]
    return False


def check_modifiers(sql_type: SqlType, type_name: Any, catalog: Catalog) -> None:
    """Refuse type modifiers that the type's modifier function refuses.

    Source: PostgreSQL 18, anychar_typmodin, numerictypmodin, anybit_typmodin, anytimestamp_typmodin; pgvector 0.8.5,
    vector_typmod_in and its kin.
    """
    values = [_modifier(node) for node in type_name.typmods]
    if not values:
        return
    name, schema = sql_type.name.name, sql_type.name.schema
    if schema != CATALOG_SCHEMA:
        _check_vector(sql_type, values, catalog)
        return
    numbers = [value for value in values if isinstance(value, int)]
    match name:
        case "varchar" | "bpchar":
            _check_length("varchar" if name == "varchar" else "char", numbers, _LONGEST)
        case "bit" | "varbit":
            _check_length("bit" if name == "bit" else "varbit", numbers, _LONGEST_BITS)
        case "numeric":
            _check_numeric(numbers)
        case "timestamp" | "timestamptz" | "time" | "timetz":
            if numbers and numbers[0] < 0:
                word = name.upper().replace("TZ", "")
                zone = " WITH TIME ZONE" if name.endswith("tz") else ""
                raise Refused("22023", f"{word}({numbers[0]}){zone} precision must not be negative")
        case "interval":
            return
        case _:
            builtin = builtins(18).types.get(name)
            if builtin is not None and not builtin.has_modifiers:
                raise Refused("42601", f'type modifier is not allowed for type "{strings(type_name.names)[-1]}"')


def _modifier(node: Any) -> int:
    """Read a type modifier: the server takes any constant or name, and makes a whole number of its text.

    Raises:
        Refused: it is none (22P02), or no constant at all (42601).
    """
    inner = unwrap(node)
    value = value_of(inner)
    if isinstance(inner, pg.ColumnRef) and len(inner.fields) == 1:
        value = strings(inner.fields)[0]
    if value is None or isinstance(value, bool):
        raise Refused("42601", "type modifiers must be simple constants or identifiers")
    if not re.fullmatch(r"\s*[+-]?\d+\s*", str(value)):
        raise Refused("22P02", f'invalid input syntax for type integer: "{value}"')
    return int(value)


def _check_length(word: str, numbers: list[int], longest: int) -> None:
    if len(numbers) != 1:
        raise Refused("22023", "invalid type modifier")
    if numbers[0] < 1:
        raise Refused("22023", f"length for type {word} must be at least 1")
    if numbers[0] > longest:
        raise Refused("22023", f"length for type {word} cannot exceed {longest}")


def _check_numeric(numbers: list[int]) -> None:
    if len(numbers) > 2:
        raise Refused("22023", "invalid NUMERIC type modifier")
    if numbers and not 1 <= numbers[0] <= 1000:
        raise Refused("22023", f"NUMERIC precision {numbers[0]} must be between 1 and 1000")
    if len(numbers) == 2 and not -1000 <= numbers[1] <= 1000:
        raise Refused("22023", f"NUMERIC scale {numbers[1]} must be between -1000 and 1000")


def _check_vector(sql_type: SqlType, values: list[Any], catalog: Catalog) -> None:
    user_type = catalog.types.get(sql_type.name)
    if user_type is None or user_type.extension != "vector" or sql_type.name.name not in VECTOR_TYPES:
        if user_type is not None and user_type.extension is None:
            raise Refused("42601", f'type modifier is not allowed for type "{sql_type.name.name}"')
        return
    if len(values) != 1:
        raise Refused("22023", "invalid type modifier")
    name, limit = sql_type.name.name, VECTOR_DIMENSIONS[sql_type.name.name]
    if not isinstance(values[0], int):
        return
    if values[0] < 1:
        raise Refused("22023", f"dimensions for type {name} must be at least 1")
    if values[0] > limit:
        raise Refused("22023", f"dimensions for type {name} cannot exceed {limit}")
