"""The functions and casts that migrations use when they ask a database about itself."""

from __future__ import annotations

import datetime
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.capture.definitions import constraint_definition, index_definition
from sluicegate.capture.information_schema import DATABASE
from sluicegate.capture.oids import Oid, RegName, oid_of, reg_name
from sluicegate.capture.pg_catalog import OWNER
from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import Name, RelationKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session

NOW = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""What ``now()`` answers: a capture must not depend on when it runs."""


class UnanswerableError(Exception):
    """The catalog does not say, or the question is not understood."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What questions are answered from.

    Attributes:
        catalog: the schema now.
        session: where unqualified names are looked up.
        version: the server's major version.
        settings: session settings in force.
        version_table: Alembic's table.
        version_rows: what it holds; None where that is not known.
    """

    catalog: Catalog
    session: Session
    version: int
    settings: dict[str, str]
    version_table: str = "alembic_version"
    version_rows: tuple[str, ...] | None = None


# -- names --------------------------------------------------------------------------------------------------------

_PART = re.compile(r'\s*("(?:[^"]|"")*"|[^.\s"]+)\s*(\.|$)')


def _parts(text: str) -> list[str]:
    parts, position = [], 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise UnanswerableError(text)
        word = match.group(1)
        parts.append(word[1:-1].replace('""', '"') if word.startswith('"') else word.lower())
        position = match.end()
    return parts


def _regclass(facts: Facts, text: Any) -> RegName | None:
    if text is None or isinstance(text, int):
        return None if text is None else RegName(text, str(text))
    parts = _parts(str(text))
    schema, name = (parts[-2] if len(parts) > 1 else None), parts[-1]
    if schema in ("pg_catalog", "information_schema"):
        raise UnanswerableError(str(text))
    found = facts.catalog.find_relation(schema, name, facts.session.search_path)
    index = facts.catalog.find_index(schema, name, facts.session.search_path)
    thing = found.name if found is not None else index.name if index is not None else None
    return None if thing is None else reg_name("relation", thing)


def _required_regclass(value: Any, facts: Facts) -> Oid | None:
    found = _regclass(facts, value)
    if found is None and value is not None:
        raise UnanswerableError(f"relation {value!r} does not exist")  # the server would refuse the statement
    return found


def _regtype(facts: Facts, text: Any) -> Oid | None:
    if text is None or isinstance(text, int):
        return None if text is None else RegName(text, str(text))
    parts = _parts(str(text))
    schema, name = (parts[-2] if len(parts) > 1 else None), parts[-1]
    for candidate in (schema,) if schema else facts.session.search_path:
        if Name(candidate, name) in facts.catalog.types:
            return reg_name("type", Name(candidate, name))
    if schema in (None, "pg_catalog") and name in builtins(facts.version).types:
        return reg_name("type", Name("pg_catalog", name))
    if schema is None and " " not in name and name.isidentifier() and name not in _ALIASES:
        return None
    raise UnanswerableError(str(text))


_ALIASES = frozenset(
    {"int", "integer", "bigint", "smallint", "boolean", "real", "double", "decimal", "character", "timestamp", "time"}
)


def _required_regtype(value: Any, facts: Facts) -> Oid | None:
    found = _regtype(facts, value)
    if found is None and value is not None:
        raise UnanswerableError(f"type {value!r} does not exist")
    return found


def _visible(kind: str) -> Callable[[Facts, Any], bool]:
    def visible(facts: Facts, oid: Any) -> bool:
        names = (
            [*facts.catalog.relations, *facts.catalog.indexes]
            if kind == "relation"
            else [*facts.catalog.types, *facts.catalog.functions]
        )
        paths = ("pg_catalog", *facts.session.search_path)
        return any(oid == oid_of(kind, name) for name in names if name.schema in paths)

    return visible


def _index_definition(facts: Facts, oid: Any, *_: Any) -> str | None:
    for index in facts.catalog.indexes.values():
        if oid_of("relation", index.name) == oid:
            return index_definition(index)
    return None


def _constraint_definition(facts: Facts, oid: Any, *_: Any) -> str | None:
    for relation in facts.catalog.relations.values():
        for constraint in relation.constraints.values():
            if oid_of("constraint", (relation.name, constraint.name)) == oid:
                return constraint_definition(constraint)
    return None


def _serial_sequence(facts: Facts, table: Any, column: Any) -> str | None:
    oid = _regclass(facts, table)
    for relation in facts.catalog.relations.values():
        if relation.kind is RelationKind.SEQUENCE and relation.owned_by is not None:
            owner, owned = relation.owned_by
            if owned == column and oid == oid_of("relation", owner):
                return str(relation.name)
    return None


def _format_type(_: Facts, __: Any, modifier: Any) -> str:
    shown = getattr(modifier, "shown", None)
    if shown is None:
        raise UnanswerableError("format_type()")
    return str(shown)


def _current_setting(facts: Facts, name: Any, *_: Any) -> str | None:
    return setting(facts, str(name))


def setting(facts: Facts, name: str) -> str:
    """Return what SHOW prints for a setting.

    Raises:
        UnanswerableError: the setting is not set here and its default is the server's own.
    """
    name = name.lower()
    if name not in (known := known_settings(facts)):
        raise UnanswerableError(name)
    return known[name]


def known_settings(facts: Facts) -> dict[str, str]:
    """Return the settings whose values are known, by lower-case name."""
    return {
        "server_version": f"{facts.version}.0",
        "server_version_num": str(facts.version * 10_000),
        "transaction isolation level": "read committed",
        **_DEFAULTS,
        **facts.settings,
    }


# PostgreSQL 18 manual, chapter 19: the built-in defaults of settings that servers rarely change.
_DEFAULTS = {
    "search_path": '"$user", public',
    "standard_conforming_strings": "on",
    "transaction_isolation": "read committed",
    "default_transaction_isolation": "read committed",
    "client_encoding": "UTF8",
    "server_encoding": "UTF8",
    "max_identifier_length": "63",
}


# -- text and arrays ----------------------------------------------------------------------------------------------


def _quote_ident(_: Facts, text: Any) -> str:
    word = str(text)
    return word if re.fullmatch(r"[a-z_][a-z0-9_$]*", word) else '"' + word.replace('"', '""') + '"'


def _format(facts: Facts, pattern: Any, *arguments: Any) -> str:
    values = iter(arguments)

    def piece(match: re.Match[str]) -> str:
        if match.group() == "%%":
            return "%"
        value = next(values, None)
        if match.group(1) == "I":
            return _quote_ident(facts, value)
        if match.group(1) == "L":
            return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"
        return "" if value is None else str(value)

    return re.sub(r"%(?:%|([sIL]))", piece, str(pattern))


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Answer NULL when an argument is NULL, as functions declared STRICT do."""

    def call(_: Facts, *arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


def _truth(value: Any, _: Facts) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("t", "true", "on", "yes", "1", "y"):
        return True
    if word in ("f", "false", "off", "no", "0", "n"):
        return False
    raise UnanswerableError(word)


def _whole(value: Any, _: Facts) -> int | None:
    try:
        return value if value is None or isinstance(value, Oid) else int(value)
    except (TypeError, ValueError) as error:
        raise UnanswerableError(str(value)) from error


def _plain_text(value: Any, _: Facts) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _fixed_uuid(_: Facts) -> uuid.UUID:
    return uuid.UUID("00000000-0000-4000-8000-000000000000")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "version": lambda facts: f"PostgreSQL {facts.version}.0 on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
    "current_database": lambda _: DATABASE,
    "current_schema": lambda facts: facts.session.search_path[0] if facts.session.search_path else None,
    "current_schemas": lambda facts, implicit: [*(["pg_catalog"] if implicit else []), *facts.session.search_path],
    "current_user": lambda _: OWNER,
    "current_setting": _current_setting,
    "set_config": lambda _, __, value, ___: value,
    "pg_is_in_recovery": lambda _: False,
    "to_regclass": _regclass,
    "to_regtype": _regtype,
    "to_regnamespace": lambda facts, name: (
        reg_name("schema", name) if name in {*facts.catalog.schemas, "pg_catalog", "information_schema"} else None
    ),
    "pg_table_is_visible": _visible("relation"),
    "pg_type_is_visible": _visible("type"),
    "pg_get_indexdef": _index_definition,
    "pg_get_constraintdef": _constraint_definition,
    "pg_get_serial_sequence": _serial_sequence,
    "format_type": _format_type,
    "now": lambda _: NOW,
    "transaction_timestamp": lambda _: NOW,
    "statement_timestamp": lambda _: NOW,
    "clock_timestamp": lambda _: NOW,
    "gen_random_uuid": _fixed_uuid,
    "uuid_generate_v4": _fixed_uuid,
    "quote_ident": _quote_ident,
    "quote_literal": _strict(lambda text: "'" + str(text).replace("'", "''") + "'"),
    "format": _format,
    "lower": _strict(lambda text: str(text).lower()),
    "upper": _strict(lambda text: str(text).upper()),
    "length": _strict(lambda text: len(str(text))),
    "btrim": _strict(lambda text: str(text).strip()),
    "replace": _strict(lambda text, old, new: str(text).replace(old, new)),
    "split_part": _strict(lambda text, by, n: (str(text).split(by) + [""] * n)[n - 1]),
    "substring": _strict(
        lambda text, start, count=None: str(text)[start - 1 : None if count is None else start - 1 + count]
    ),
    "concat": lambda _, *parts: "".join("" if part is None else str(part) for part in parts),
    "array_length": _strict(lambda array, dimension: len(array) or None if dimension == 1 else None),
    "cardinality": _strict(len),
    "array_position": _strict(lambda array, item: array.index(item) + 1 if item in array else None),
    "position": _strict(lambda text, part: str(text).find(part) + 1),
    "starts_with": _strict(lambda text, part: str(text).startswith(part)),
}

CASTS: dict[str, Callable[[Any, Facts], Any]] = {
    "regclass": _required_regclass,
    "regtype": _required_regtype,
    "regnamespace": lambda value, facts: FUNCTIONS["to_regnamespace"](facts, value),
    "oid": _whole,
    "int2": _whole,
    "int4": _whole,
    "int8": _whole,
    "text": _plain_text,
    "varchar": _plain_text,
    "bpchar": _plain_text,
    "name": _plain_text,
    "char": _plain_text,
    "bool": _truth,
}
