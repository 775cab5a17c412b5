"""Whether production would answer as a server without its rows did: what a live capture may take for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from postgast import pg_query_pb2 as pg
from psycopg import sql

from sluicegate.capture.targets import has_aggregate
from sluicegate.catalog.builtins import builtins
from sluicegate.errors import ParseError
from sluicegate.statements import nodes
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import TupleRow

    from sluicegate.statements.parse import Statement

_SYSTEM = frozenset({"pg_catalog", "information_schema"})
_OTHER_SERVERS_DIFFER = (
    *("pg_stat", "pg_locks", "pg_database", "pg_settings", "pg_roles", "pg_user", "pg_authid", "pg_shadow"),
    *("pg_available", "pg_replication", "pg_prepared", "pg_hba", "pg_file", "pg_tablespace", "pg_sequence", "pg_shdep"),
    *("pg_subscription", "pg_backend", "pg_shmem", "pg_config", "pg_timezone", "pg_largeobject"),
)
"""Beginnings of system relations whose content belongs to a server, its rows or its users, not to the schema."""
_OF_ROWS = frozenset({"reltuples", "relpages", "relallvisible", "relfilenode", "relowner", "xmin"})
_OF_SERVERS = (
    # Beginnings of functions whose answers belong to a server, its rows or its sequences.
    *("pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size", "pg_database_size"),
    *("pg_stat", "pg_backend", "pg_current", "pg_last", "inet_", "current_setting", "random"),
    *("nextval", "currval", "lastval", "setval"),
)


class Certainty:
    """Judges answers of one connection."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Ask this connection which tables hold rows."""
        self._connection = connection

    def of(self, statements: Sequence[Statement], returns_rows: bool, rowcount: int) -> bool:
        """Tell whether production, with rows of its own, would have given this answer too.

        Seeded rows count: what the history itself wrote is in production as well. A question about rows that gave
        none, or an aggregate over an empty table, is production's to answer.
        """
        if not statements:
            return False
        node = statements[-1].node
        if isinstance(node, pg.SelectStmt):
            return self._select(node, rowcount)
        if isinstance(node, pg.InsertStmt) and nodes.unwrap(node.select_stmt).values_lists:
            return True
        if isinstance(node, pg.InsertStmt | pg.UpdateStmt | pg.DeleteStmt | pg.MergeStmt):
            return rowcount > 0
        if isinstance(node, pg.VariableShowStmt):
            return node.name in ("search_path", "transaction_isolation", "standard_conforming_strings")
        return not returns_rows

    def may_tell(self, question: str) -> bool:
        """Tell whether asking is worth while: a question about tables that all are empty gives no row here either."""
        try:
            statements = parse_script(question)
        except ParseError:
            return True
        for statement in statements:
            common = {one.ctename for one in nodes.walk_kinds(statement.node, pg.CommonTableExpr)}
            tables = [table for table in nodes.walk_kinds(statement.node, pg.RangeVar) if table.relname not in common]
            if not tables or any(_is_system(table) or self._holds_rows(table) for table in tables):
                return True
        return False

    def _select(self, select: pg.SelectStmt, rowcount: int) -> bool:
        version = self._connection.info.server_version // 10_000
        for call in nodes.walk_kinds(select, pg.FuncCall):
            schema, name = nodes.qualified(call.funcname)
            known = schema in (None, "pg_catalog") and bool(builtins(version).functions(name))
            if name.startswith(_OF_SERVERS) or not known:
                return False
        common = {one.ctename for one in nodes.walk_kinds(select, pg.CommonTableExpr)}
        tables = []
        for table in nodes.walk_kinds(select, pg.RangeVar):
            if not table.schemaname and table.relname in common:
                continue
            if not _is_system(table):
                tables.append(table)
            elif table.relname.startswith(_OTHER_SERVERS_DIFFER):
                return False
        if any(_last(column) in _OF_ROWS for column in nodes.walk_kinds(select, pg.ColumnRef)):
            return False
        if not tables:
            return True
        if has_aggregate(select) or rowcount > 0:
            return all(self._holds_rows(table) for table in tables)
        return False

    def _holds_rows(self, table: Any) -> bool:
        name = sql.Identifier(*filter(None, (table.schemaname, table.relname)))
        try:
            with self._connection.cursor() as cursor:
                found = cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(name)).fetchone()
        except psycopg.Error:
            return False
        return found is not None


def _is_system(table: pg.RangeVar) -> bool:
    return table.schemaname in _SYSTEM or (not table.schemaname and table.relname.startswith("pg_"))


def _last(column: pg.ColumnRef) -> str:
    return nodes.string(column.fields[-1]) if nodes.unwrap(column.fields[-1]).DESCRIPTOR.name == "String" else ""
