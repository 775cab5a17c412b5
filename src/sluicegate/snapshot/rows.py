"""Rows of the system catalogs ─▶ the schema as values."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import (
    Catalog,
    Column,
    Constraint,
    ConstraintKind,
    Expression,
    Extension,
    Function,
    Generated,
    Index,
    IndexKey,
    Name,
    Partitioning,
    Policy,
    Publication,
    Relation,
    RelationKind,
    SqlType,
    Trigger,
    TypeKind,
    UserType,
    Volatility,
)
from sluicegate.catalog.replay.tables import partitioning
from sluicegate.catalog.types import CATALOG_SCHEMA, modifiers_from
from sluicegate.errors import ParseError
from sluicegate.statements.nodes import deparse
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KINDS = {
    "r": RelationKind.TABLE,
    "p": RelationKind.PARTITIONED,
    "v": RelationKind.VIEW,
    "m": RelationKind.MATERIALIZED_VIEW,
    "S": RelationKind.SEQUENCE,
    "c": RelationKind.COMPOSITE,
    "f": RelationKind.FOREIGN,
}
_PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
_IDENTITY = {"a": "always", "d": "by default"}
_STORAGE = {"p": "plain", "e": "external", "m": "main", "x": "extended"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_REPLICA = {"d": "default", "f": "full", "n": "nothing", "i": "index"}
_ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_CONSTRAINTS = {
    "c": ConstraintKind.CHECK,
    "f": ConstraintKind.FOREIGN_KEY,
    "p": ConstraintKind.PRIMARY_KEY,
    "u": ConstraintKind.UNIQUE,
    "x": ConstraintKind.EXCLUDE,
    "n": ConstraintKind.NOT_NULL,
}
_COMMANDS = {"*": "all", "r": "select", "a": "insert", "w": "update", "d": "delete"}
_EVENTS = {1 << 2: "insert", 1 << 3: "delete", 1 << 4: "update", 1 << 5: "truncate"}
_TYPES = {
    "e": TypeKind.ENUM,
    "d": TypeKind.DOMAIN,
    "c": TypeKind.COMPOSITE,
    "r": TypeKind.RANGE,
    "m": TypeKind.RANGE,
}
_ROUTINES = {"f": "function", "p": "procedure", "a": "aggregate", "w": "window"}
_VOLATILITY = {"i": Volatility.IMMUTABLE, "s": Volatility.STABLE, "v": Volatility.VOLATILE}

Row = tuple[Any, ...]


class Rows:
    """The answers of ``catalog.sql``, by the names of its statements."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._rows = rows
        self._names = {row[0]: Name(row[1], row[2]) for row in rows["relations"]}
        self._index_names = {row[0]: Name(row[1], row[2]) for row in rows["indexes"]}
        self._parents: dict[int, list[int]] = {}
        for child, parent in rows["parents"]:
            self._parents.setdefault(child, []).append(parent)

    def catalog(self, version: int) -> Catalog:
        """Return the schema."""
        functions: dict[Name, tuple[Function, ...]] = {}
        for function in self._functions():
            functions[function.name] = (*functions.get(function.name, ()), function)
        return Catalog(
            schemas=frozenset(row[0] for row in self._rows["schemas"]),
            relations={relation.name: relation for relation in self._relations()},
            indexes={index.name: index for index in self._indexes()},
            types={user_type.name: user_type for user_type in self._types()},
            functions=functions,
            extensions={row[0]: Extension(*row) for row in self._rows["extensions"]},
            publications={publication.name: publication for publication in self._publications()},
            complete=True,
            version=version,
        )

    def _by_relation(self, name: str) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {}
        for row in self._rows[name]:
            found.setdefault(row[0], []).append(row)
        return found

    # -- relations -----------------------------------------------------------------------------------------------

    def _relations(self) -> Iterable[Relation]:
        columns, triggers, policies = (self._by_relation(name) for name in ("columns", "triggers", "policies"))
        rules, statistics, reads = (self._by_relation(name) for name in ("rules", "statistics", "reads"))
        constraints, sequences = self._by_relation("constraints"), self._by_relation("sequences")
        queries: dict[int, str] = dict(self._rows["views"])
        for row in self._rows["relations"]:
            oid, schema, name, kind, persistence, secured, forced, replica, options, tablespace, method = row[:11]
            bound, key, of_schema, of_name, populated = row[11:]
            not_nulls = {item[4][0]: item for item in constraints.get(oid, ()) if item[3] == "n"}
            relation = Relation(
                Name(schema, name),
                _KINDS[kind],
                columns={item[1]: _column(item, not_nulls.get(item[1])) for item in columns.get(oid, ())},
                constraints={item[2]: self._constraint(item) for item in constraints.get(oid, ())},
                triggers={item[1]: _trigger(item) for item in triggers.get(oid, ())},
                policies={item[1]: _policy(item) for item in policies.get(oid, ())},
                rules=frozenset(item[1] for item in rules.get(oid, ())),
                rule_columns={item[1]: frozenset(item[2]) for item in rules.get(oid, ())},
                rule_reads={
                    item[1]: frozenset(self._names[read] for read in item[3] if read in self._names)
                    for item in rules.get(oid, ())
                },
                parents=tuple(self._names[parent] for parent in self._parents.get(oid, ()) if parent in self._names),
                partitioning=_partitioning(key),
                bound=bound,
                bound_node=_bound(bound),
                query=_query(queries.get(oid)),
                reads=self._reads(reads.get(oid, ())),
                persistence=_PERSISTENCE.get(persistence, "permanent"),
                access_method=method if kind in "rpm" else None,
                tablespace=tablespace,
                options=_options(options),
                row_security=secured,
                force_row_security=forced,
                replica_identity=_REPLICA.get(replica, "default") if kind in "rpm" else "default",
                of_type=Name(of_schema, of_name) if of_name is not None else None,
                statistics=frozenset(item[1] for item in statistics.get(oid, ())),
                statistics_columns={item[1]: frozenset(item[2]) for item in statistics.get(oid, ())},
                populated=populated if kind == "m" else True,
            )
            yield self._sequence(relation, sequences[oid][0]) if oid in sequences else relation

    def _sequence(self, relation: Relation, row: Row) -> Relation:
        _, type_name, start, increment, lowest, highest, cache, cycle, owner, column = row
        options = {"start": start, "increment": increment, "minvalue": lowest, "maxvalue": highest, "cache": cache}
        return replace(
            relation,
            sequence_type=SqlType(Name(CATALOG_SCHEMA, type_name)),
            sequence_options={**{k: str(v) for k, v in options.items()}, "cycle": str(bool(cycle)).lower()},
            owned_by=(self._names[owner], column) if owner in self._names else None,
        )

    def _reads(self, rows: Iterable[Row]) -> dict[Name, frozenset[str] | None]:
        found: dict[Name, set[str]] = {}
        for _, read, column in rows:
            if read in self._names:
                found.setdefault(self._names[read], set()).update({column} - {None})
        return {name: frozenset(used) for name, used in found.items()}

    def _constraint(self, row: Row) -> Constraint:
        _, _, name, kind, columns, expression, referenced, referenced_columns, on_delete, on_update = row[:10]
        validated, enforced, deferrable, no_inherit, index, period, local, inherited = row[10:]
        key = kind in "pux"
        return Constraint(
            name,
            _CONSTRAINTS[kind],
            tuple(columns),
            expression=_expression(expression),
            references=self._names.get(referenced),
            referenced_columns=tuple(referenced_columns),
            on_delete=_ACTIONS.get(on_delete, "no action"),
            on_update=_ACTIONS.get(on_update, "no action"),
            validated=validated,
            enforced=enforced,
            deferrable=deferrable,
            no_inherit=no_inherit and not key and kind != "f",
            index=self._index_names.get(index) if key else None,
            without_overlaps=period,
            local=local,
            inherited=inherited,
        )

    def _indexes(self) -> Iterable[Index]:
        keys = self._by_relation("index_keys")
        owners = {row[14]: row[2] for row in self._rows["constraints"] if row[3] in "pux"}
        for row in self._rows["indexes"]:
            oid, schema, name, table, method, unique, predicate, valid, options, tablespace, replica = row[:11]
            clustered, nulls_not_distinct, key_count = row[11:]
            if table not in self._names:
                continue
            parents = [self._index_names.get(parent) for parent in self._parents.get(oid, ())]
            yield Index(
                Name(schema, name),
                self._names[table],
                method,
                tuple(_key(item) for item in keys[oid][:key_count]),
                included=tuple(item[2] for item in keys[oid][key_count:]),
                unique=unique,
                predicate=_expression(predicate),
                valid=valid,
                constraint=owners.get(oid),
                parent=parents[0] if parents else None,
                options=_options(options),
                nulls_not_distinct=nulls_not_distinct,
                tablespace=tablespace,
                replica_identity=replica,
                clustered=clustered,
            )

    # -- types, functions, publications --------------------------------------------------------------------------

    def _types(self) -> Iterable[UserType]:
        constraints: dict[int, list[Row]] = {}
        for row in self._rows["constraints"]:
            constraints.setdefault(row[1], []).append(row)
        for row in self._rows["types"]:
            oid, schema, name, kind, base_schema, base, modifier, array, not_null, default, labels = row[:11]
            sub_schema, sub, multi_schema, multi, extension = row[11:]
            base_name = Name(base_schema, base) if base is not None else None
            yield UserType(
                Name(schema, name),
                _TYPES.get(kind, TypeKind.BASE),
                values=tuple(labels),
                base=SqlType(base_name, modifiers_from(base_name, modifier), array) if base_name is not None else None,
                not_null=not_null,
                default=_expression(default) if kind == "d" else None,
                constraints={item[2]: self._constraint(item) for item in constraints.get(oid, ())},
                subtype=SqlType(Name(sub_schema, sub)) if sub is not None else None,
                multirange=Name(multi_schema, multi) if multi is not None else None,
                extension=extension,
            )

    def _functions(self) -> Iterable[Function]:
        for row in self._rows["functions"]:
            schema, name, kind, volatility, language, body, strict, definer, defaults, variadic = row[:10]
            settings, extension, returns_set, names, modes, default_texts, reads, outputs, types = row[10:]
            *arguments, returns = (_type_of(item) for item in types)
            inputs = [place for place, mode in enumerate(modes or ()) if mode in "ibv"]
            own = [names[place] for place in inputs] if modes and names else list(names or ())[: len(arguments)]
            yield Function(
                Name(schema, name),
                tuple(arguments),
                returns if kind != "p" else None,
                _VOLATILITY[volatility],
                language,
                body or "",
                kind=_ROUTINES.get(kind, "function"),
                strict=strict,
                security_definer=definer,
                defaults=defaults,
                variadic=variadic,
                settings=_options(settings),
                extension=extension,
                returns_set=returns_set,
                argument_names=tuple(own) or ("",) * len(arguments),
                argument_defaults=_expressions(default_texts),
                reads=_read_by_function(reads),
                outputs=tuple((json.loads(item)[3], _type_of(item)) for item in outputs),
            )

    def _publications(self) -> Iterable[Publication]:
        schemas: dict[str, set[str]] = {}
        for name, schema in self._rows["publication_schemas"]:
            schemas.setdefault(name, set()).add(schema)
        for name, everything, tables in self._rows["publications"]:
            published = frozenset(self._names[table] for table in tables if table in self._names)
            yield Publication(name, None if everything else published, frozenset(schemas.get(name, ())))


def _column(row: Row, not_null_constraint: Row | None) -> Column:
    _, name, type_schema, type_name, modifier, array, not_null, default, generated, identity = row[:10]
    collation_schema, collation, storage, type_storage, compression, target, local, inherited = row[10:18]
    element_schema, element = row[18:]
    own = Name(element_schema, element) if array else Name(type_schema, type_name)
    return Column(
        name,
        SqlType(own, modifiers_from(own, modifier), array),
        not_null=not_null,
        not_null_validated=not_null_constraint is None or bool(not_null_constraint[10]),
        default=_expression(default),
        generated={"s": Generated.STORED, "v": Generated.VIRTUAL}.get(generated),
        identity=_IDENTITY.get(identity),
        collation=Name(collation_schema, collation) if collation is not None else None,
        storage=_STORAGE.get(storage) if storage != type_storage else None,
        compression=_COMPRESSION.get(compression),
        statistics_target=None if target in {None, -1} else target,
        local=local,
        inherited=inherited,
    )


def _trigger(row: Row) -> Trigger:
    _, name, schema, function, bits, enabled, constraint, transition, columns, definition = row
    return Trigger(
        name,
        Name(schema, function),
        "before" if bits & 2 else "instead of" if bits & 64 else "after",
        tuple(word for bit, word in _EVENTS.items() if bits & bit),
        bool(bits & 1),
        enabled,
        tuple(columns),
        constraint,
        transition,
        when=_condition(definition),
    )


def _condition(definition: str | None) -> Expression | None:
    if definition is None:
        return None
    node = parse_statement(definition).node.when_clause
    return Expression(deparse(node), node)


def _policy(row: Row) -> Policy:
    _, name, command, permissive, using, check = row
    return Policy(name, _COMMANDS.get(command, "all"), permissive, _expression(using), _expression(check))


def _key(row: Row) -> IndexKey:
    _, _, column, expression, operator_class, is_default, collation_schema, collation, option = row
    return IndexKey(
        column,
        _expression(expression),
        None if is_default else operator_class,
        Name(collation_schema, collation) if collation is not None else None,
        descending=bool(option & 1),
        nulls_first=bool(option & 2),
    )


def _type_of(text: str) -> SqlType:
    schema, name, array = json.loads(text)[:3]
    return SqlType(Name(schema, name), array=array == "true")


def _options(items: list[str] | None) -> dict[str, str]:
    return dict(item.split("=", 1) for item in items or ())


@functools.cache
def _expression(text: str | None) -> Expression | None:
    if text is None:
        return None
    try:
        return Expression(text, parse_statement(f"SELECT {text}").node.target_list[0].res_target.val)
    except ParseError:
        return Expression(text)


def _read_by_function(texts: list[str]) -> dict[Name, frozenset[str] | None]:
    found: dict[Name, set[str]] = {}
    for text in texts:
        schema, relation, column = json.loads(text)
        found.setdefault(Name(schema, relation), set()).update({column} - {None})
    return {name: frozenset(columns) for name, columns in found.items()}


def _expressions(texts: str | None) -> tuple[Expression, ...]:
    if texts is None:
        return ()
    targets = parse_statement(f"SELECT {texts}").node.target_list
    return tuple(Expression(deparse(target.res_target.val), target.res_target.val) for target in targets)


def _query(text: str | None) -> Expression | None:
    if text is None:
        return None
    return Expression(text, parse_statement(text).node)


def _partitioning(key: str | None) -> Partitioning | None:
    if key is None:
        return None
    node = parse_statement(f"CREATE TABLE t (x int) PARTITION BY {key}").node
    return partitioning(node.partspec)


def _bound(bound: str | None) -> Any:
    if bound is None:
        return None
    return parse_statement(f"CREATE TABLE t PARTITION OF p {bound}").node.partbound
