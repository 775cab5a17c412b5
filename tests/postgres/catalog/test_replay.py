"""Replaying DDL leaves the schema that the server's own catalogs describe."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from postgast import pg_query_pb2 as pg

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog, ConstraintKind, RelationKind
from sluicegate.catalog.replay import apply
from sluicegate.catalog.session import Session
from sluicegate.catalog.types import type_modifier
from sluicegate.effects.operator_classes import default_operator_class
from sluicegate.snapshot.load import load_catalog
from sluicegate.statements.nodes import walk_kinds
from sluicegate.statements.parse import parse_statement

DATA = Path(__file__).parents[2] / "data"
SCHEMA, CHANGES = DATA / "schema.sql", DATA / "changes.sql"


@pytest.fixture
def loaded(server, database):
    """A database with the schema, and what its catalogs say."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP EXTENSION vector")
        connection.execute(SCHEMA.read_text())
        return server, database, load_catalog(connection)


def described(catalog: Catalog) -> dict[str, object]:
    """The schema in plain values, with what two true descriptions may say differently taken out."""
    facts: dict[str, object] = {"schemas": sorted(catalog.schemas), "extensions": sorted(catalog.extensions)}
    for relation in catalog.relations.values():
        where = f"{relation.kind} {relation.name}"
        facts[where] = (
            relation.persistence,
            [str(parent) for parent in relation.parents],
            relation.bound and relation.bound.replace("'", "").lower(),
            relation.partitioning and (relation.partitioning.strategy, relation.partitioning.columns),
            sorted(
                (str(replace(trigger, when=None)), trigger.when is not None) for trigger in relation.triggers.values()
            ),
            sorted(relation.policies),
            {rule: sorted(relation.rule_columns.get(rule, ())) for rule in sorted(relation.rules)},
            {rule: sorted(map(str, relation.rule_reads.get(rule, ()))) for rule in sorted(relation.rules)},
            relation.owned_by and (str(relation.owned_by[0]), relation.owned_by[1]),
            dict(relation.options),
            (relation.row_security, relation.force_row_security, relation.replica_identity),
            {name: sorted(relation.statistics_columns.get(name, ())) for name in sorted(relation.statistics)},
            str(relation.of_type),
            bool(relation.populated),
            str(relation.sequence_type.name) if relation.sequence_type else None,
        )
        facts[f"columns of {where}"] = list(relation.columns) if relation.kind is not RelationKind.SEQUENCE else None
        for column in relation.columns.values():
            facts[f"column {relation.name}.{column.name}"] = (
                str(column.type.name),
                column.type.array,
                type_modifier(column.type),
                column.not_null,
                column.not_null_validated,
                column.default is not None,
                column.generated,
                column.identity,
                str(column.collation),
                column.storage,
                column.statistics_target,
                column.local,
                column.inherited,
            )
        for constraint in relation.constraints.values():
            facts[f"constraint {relation.name}.{constraint.name}"] = (
                constraint.kind,
                sorted(constraint.columns),
                str(constraint.references),
                constraint.referenced_columns,
                (constraint.on_delete, constraint.on_update),
                (constraint.validated, constraint.enforced, constraint.deferrable, constraint.no_inherit),
                str(constraint.index),
                (constraint.local, constraint.inherited),
            )
        if relation.kind in {RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW}:
            facts[f"reads of {where}"] = {
                str(name): columns and sorted(columns) for name, columns in sorted(relation.reads.items())
            }
    for index in catalog.indexes.values():
        facts[f"index {index.name}"] = (
            str(index.table),
            index.method,
            [_key(catalog, index, key) for key in index.keys],
            index.included,
            index.unique,
            index.predicate is not None,
            index.valid,
            index.constraint,
            str(index.parent),
            dict(index.options),
            index.nulls_not_distinct,
            (index.replica_identity, index.clustered),
        )
    for user_type in catalog.types.values():
        facts[f"type {user_type.name}"] = (
            user_type.kind,
            user_type.values,
            user_type.base and (str(user_type.base.name), type_modifier(user_type.base)),
            user_type.not_null,
            user_type.default is not None,
            sorted((c.name, c.kind, c.validated) for c in user_type.constraints.values()),
            user_type.subtype and str(user_type.subtype.name),
            str(user_type.multirange),
            user_type.extension,
        )
    for functions in catalog.functions.values():
        for function in functions:
            arguments = [(str(argument.name), argument.array) for argument in function.argument_types]
            facts[f"function {function.name}{arguments}"] = (
                function.returns and str(function.returns.name),
                function.volatility,
                function.language,
                function.kind,
                (function.strict, function.security_definer, function.variadic, function.returns_set),
                function.defaults,
                function.argument_names,
                len(function.argument_defaults),
                function.outputs,
                {str(name): columns and sorted(columns) for name, columns in function.reads.items()},
            )
    for publication in catalog.publications.values():
        facts[f"publication {publication.name}"] = publication.tables and sorted(map(str, publication.tables))
    return facts


def _key(catalog, index, key):
    column = catalog.relations[index.table].columns.get(key.column) if key.column else None
    operator_class = key.operator_class
    if column is not None:
        default = default_operator_class(index.method, column.type, catalog, catalog.version)
        operator_class = operator_class or (default.name if default else None)
    calls = walk_kinds(key.expression.node, pg.FuncCall) if key.expression else ()
    functions = sorted(call.funcname[-1].string.sval for call in calls)
    return (key.column, functions, operator_class, str(key.collation), key.descending, key.nulls_first)


def differences(mine: dict[str, object], server: dict[str, object]) -> list[str]:
    return [
        f"{name}: replayed {mine.get(name)}, server {server.get(name)}"
        for name in sorted(mine.keys() | server.keys())
        if mine.get(name) != server.get(name)
    ]


def test_a_script_replayed_is_what_the_server_made_of_it(loaded):
    server, _, live = loaded
    replayed = load_script(SCHEMA.read_text(), version=server.version)
    assert differences(described(replayed), described(live)) == []


def test_a_dump_replayed_is_what_restoring_it_makes(loaded, make_database):
    server, database, live = loaded
    dump = subprocess.run(
        [server.binary("pg_dump"), "--schema-only", "--no-owner", database], check=True, capture_output=True, text=True
    ).stdout
    copy = make_database(server, template="template0")
    command = [server.binary("psql"), "--quiet", "--set=ON_ERROR_STOP=1", "--no-psqlrc", copy]
    subprocess.run(command, input=dump, check=True, capture_output=True, text=True)
    with psycopg.connect(copy, autocommit=True) as connection:
        restored = load_catalog(connection)
    replayed = load_script(dump, version=server.version)
    assert differences(described(replayed), described(restored)) == []
    assert described(replayed).keys() == described(live).keys()


def test_the_schema_has_every_kind_of_constraint(loaded):
    server, _, live = loaded
    kinds = {constraint.kind for relation in live.relations.values() for constraint in relation.constraints.values()}
    assert kinds == set(ConstraintKind) - ({ConstraintKind.NOT_NULL} if server.version < 18 else set())


def test_each_change_leaves_the_schema_that_the_server_has_then(loaded):
    server, database, before = loaded
    changes = [line for line in CHANGES.read_text().splitlines() if line and not line.startswith("--")]
    wrong, made = [], 0
    with psycopg.connect(database, autocommit=True) as connection:
        # A third is enough to see where 16 goes another way; 18 makes them all.
        for change in changes if server.version == 18 else changes[::3]:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(change)
                    after = load_catalog(connection)
            except psycopg.Error:
                continue  # not a change to this version or this schema
            made += 1
            replayed = apply(parse_statement(change), before, Session())
            wrong += [(change, *differences(described(replayed), described(after)))]
    assert made > len(changes) // 4
    assert [item for item in wrong if len(item) > 1] == []
